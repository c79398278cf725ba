package dev.smallbatch.core.cpu;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Exchanges weights with floats, for both processor backends: it moves bits and computes nothing. */
public final class Exchange {
    private Exchange() {}

    /** Elements {@code from} up to {@code to}; the contract is that of {@code ElementwiseKernels.exchange}. */
    public static void run(Tensor a, Tensor b, long from, long to) {
        if (a.dtype() == DType.BF16) {
            halves(a.segment(), b.segment(), from, to);
        } else {
            floats(a.segment(), b.segment(), from, to);
        }
    }

    private static void floats(MemorySegment a, MemorySegment b, long from, long to) {
        for (long i = from; i < to; i++) {
            int bits = a.getAtIndex(ValueLayout.JAVA_INT, i);
            a.setAtIndex(ValueLayout.JAVA_INT, i, b.getAtIndex(ValueLayout.JAVA_INT, i));
            b.setAtIndex(ValueLayout.JAVA_INT, i, bits);
        }
    }

    private static void halves(MemorySegment a, MemorySegment b, long from, long to) {
        for (long i = from; i < to; i++) {
            int bits = b.getAtIndex(ValueLayout.JAVA_INT, i);
            int up = bits >>> 15 & 1;
            int half = a.getAtIndex(ValueLayout.JAVA_SHORT, i) - up;
            a.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) ((bits >>> 16) + up));
            b.setAtIndex(ValueLayout.JAVA_INT, i, half << 16 | bits & 0xFFFF);
        }
    }
}
