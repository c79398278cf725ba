package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The elements of an F32 tensor in row-major order, read as doubles and rounded to float when written. */
final class Floats {
    private final MemorySegment segment;

    Floats(Tensor tensor) {
        segment = tensor.segment();
    }

    double get(long i) {
        return segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }

    void set(long i, double value) {
        segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value);
    }

    void add(long i, double value) {
        set(i, get(i) + value);
    }
}
