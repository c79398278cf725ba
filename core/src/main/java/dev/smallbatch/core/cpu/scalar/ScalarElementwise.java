package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.rand.Philox;
import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Elementwise operations. Tasks are runs of elements. */
final class ScalarElementwise implements ElementwiseKernels {
    /** Elements of one partial sum. */
    private static final long TILE = 4096;

    private final Parallel parallel;

    ScalarElementwise(Parallel parallel) {
        this.parallel = parallel;
    }

    /** out[i] = value. */
    @Override
    public void fill(Tensor out, float value) {
        Floats outs = new Floats(out);
        Grid.split(parallel, out.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                outs.set(i, value);
            }
        });
    }

    /** out[i] = in[i] in another type. */
    @Override
    public void convert(Tensor out, Tensor in, Rounding rounding, long key) {
        MemorySegment target = out.segment();
        MemorySegment source = in.segment();
        Grid.split(parallel, in.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                if (out.dtype() == DType.BF16) {
                    int bits = source.getAtIndex(ValueLayout.JAVA_INT, i);
                    int increment = rounding == Rounding.STOCHASTIC ? Philox.word(key, i) >>> 16 : halfUlp(bits);
                    target.setAtIndex(ValueLayout.JAVA_SHORT, i, bfloat16(bits, increment));
                } else {
                    target.setAtIndex(ValueLayout.JAVA_FLOAT, i, in.getFlat(i));
                }
            }
        });
    }

    /** What to add to a float's bits so that cutting the lower 16 rounds to nearest, ties to an even upper half. */
    private static int halfUlp(int bits) {
        return 0x7FFF + (bits >>> 16 & 1);
    }

    /** The upper half of {@code bits + increment}; infinity and NaN keep their upper half, a NaN staying one. */
    private static short bfloat16(int bits, int increment) {
        float value = Float.intBitsToFloat(bits);
        if (Float.isNaN(value)) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (Float.isInfinite(value) ? bits >>> 16 : bits + increment >>> 16);
    }

    /** y[i] += a x[i]. */
    @Override
    public void axpy(Tensor y, float a, Tensor x) {
        Floats ys = new Floats(y);
        Floats xs = new Floats(x);
        Grid.split(parallel, x.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                ys.add(i, a * xs.get(i));
            }
        });
    }

    /** out[i] = a[i] + b[i]. */
    @Override
    public void add(Tensor out, Tensor a, Tensor b) {
        Floats outs = new Floats(out);
        Floats as = new Floats(a);
        Floats bs = new Floats(b);
        Grid.split(parallel, out.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                outs.set(i, as.get(i) + bs.get(i));
            }
        });
    }

    /** result = sum_i x[i]^2, tile by tile. */
    @Override
    public void sumOfSquares(Tensor result, Tensor x) {
        Floats xs = new Floats(x);
        double[] sums = new double[Math.toIntExact(Math.ceilDiv(x.numel(), TILE))];
        Grid.split(parallel, sums.length, TILE, (from, to) -> {
            for (int tile = (int) from; tile < to; tile++) {
                for (long i = tile * TILE; i < Math.min(x.numel(), (tile + 1) * TILE); i++) {
                    sums[tile] += xs.get(i) * xs.get(i);
                }
            }
        });
        double sum = 0;
        for (double partial : sums) {
            sum += partial;
        }
        new Floats(result).set(0, sum);
    }
}
