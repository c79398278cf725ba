package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.rand.Philox;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.BFloat16;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The elements of an F32 or BF16 tensor in row-major order, read as doubles and rounded to float when written, from there to
 * BF16 in a BF16 tensor.
 */
final class Floats {
    private final float[] array;
    private final MemorySegment segment;
    private final boolean half;
    private final Rounding rounding;
    private final long key;

    /** For reading, or writing F32. */
    Floats(Tensor tensor) {
        this(tensor, Rounding.NEAREST_EVEN, 0);
    }

    /** @param key of the random bits if a BF16 tensor is rounded stochastically */
    Floats(Tensor tensor, Rounding rounding, long key) {
        this.array = null;
        this.segment = tensor.segment();
        this.half = tensor.dtype() == DType.BF16;
        this.rounding = rounding;
        this.key = key;
    }

    /** Of an array instead. */
    Floats(float[] array) {
        this.array = array;
        this.segment = null;
        this.half = false;
        this.rounding = Rounding.NEAREST_EVEN;
        this.key = 0;
    }

    double get(long i) {
        if (array != null) {
            return array[(int) i];
        }
        return half ? BFloat16.toFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT, i))
                : segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }

    void set(long i, double value) {
        setFloat(i, (float) value);
    }

    /** Keeps the bits of a NaN, which the way through double need not. */
    void setFloat(long i, float value) {
        if (array != null) {
            array[(int) i] = value;
        } else if (half) {
            segment.setAtIndex(ValueLayout.JAVA_SHORT, i, bfloat16(value, i));
        } else {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
    }

    private short bfloat16(float value, long i) {
        return rounding == Rounding.STOCHASTIC ? BFloat16.rounded(value, Philox.half(key, i)) : BFloat16.nearestEven(value);
    }

    void add(long i, double value) {
        set(i, get(i) + value);
    }
}
