package dev.smallbatch.bench.lab;

import static dev.smallbatch.bench.lab.Floats.LANES;
import static dev.smallbatch.bench.lab.Floats.all;
import static dev.smallbatch.bench.lab.Floats.get;
import static dev.smallbatch.bench.lab.Floats.load;
import static dev.smallbatch.bench.lab.Floats.set;
import static dev.smallbatch.bench.lab.Floats.store;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Work;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * RMSNorm: each row multiplied by {@code rstd = 1 / sqrt(mean(x^2) + eps)}. A row fits the first-level cache, so that its second
 * reading is free; what takes time is that an addition must wait for the one before. The versions have ever more additions
 * under way at once.
 */
final class RmsNormLab implements LabCase {
    private static final float EPS = 1e-6f;

    private final int rows;
    private final int columns;
    private final Tensor out;
    private final Tensor rstd;
    private final Tensor x;
    private final Kernels one;
    private final Kernels all;

    /** The sum of the squares of a row. */
    @FunctionalInterface
    private interface Squares {
        float sum(MemorySegment x, long at);
    }

    /** Writes a row of the output. */
    @FunctionalInterface
    private interface Scaling {
        void scale(MemorySegment out, MemorySegment x, long at, float factor);
    }

    RmsNormLab(int[] sizes, Operands operands, Kernels one, Kernels all) {
        rows = sizes[0];
        columns = sizes[1];
        x = operands.uniform(rows, columns);
        out = operands.uniform(rows, columns);
        rstd = operands.uniform(rows);
        this.one = one;
        this.all = all;
    }

    @Override
    public List<Version> versions() {
        return List.of(
                Version.of("two loops: each addition waits for the one before, four cycles or so",
                        () -> each(this::inOrder, this::scalar)),
                Version.of("four sums side by side: an addition waits for the fourth before it",
                        () -> each(this::fourSums, this::scalar)),
                Version.of("a vector at a time, in both loops", () -> each(this::vector, this::vectors)),
                Version.of("four vectors of sums side by side", () -> each(this::fourVectors, this::vectors)),
                Version.of("shipped, one thread", () -> shipped(one)),
                new Version("shipped, all threads: rows are shared out", true, () -> shipped(all)));
    }

    private void each(Squares squares, Scaling scaling) {
        MemorySegment in = x.segment();
        for (int i = 0; i < rows; i++) {
            long at = (long) i * columns;
            float factor = (float) (1 / Math.sqrt(squares.sum(in, at) / columns + EPS));
            set(rstd.segment(), i, factor);
            scaling.scale(out.segment(), in, at, factor);
        }
    }

    private float inOrder(MemorySegment in, long at) {
        float sum = 0;
        for (int j = 0; j < columns; j++) {
            sum += get(in, at + j) * get(in, at + j);
        }
        return sum;
    }

    private float fourSums(MemorySegment in, long at) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        int j = 0;
        for (; j + 4 <= columns; j += 4) {
            s0 += get(in, at + j) * get(in, at + j);
            s1 += get(in, at + j + 1) * get(in, at + j + 1);
            s2 += get(in, at + j + 2) * get(in, at + j + 2);
            s3 += get(in, at + j + 3) * get(in, at + j + 3);
        }
        for (; j < columns; j++) {
            s0 += get(in, at + j) * get(in, at + j);
        }
        return s0 + s1 + (s2 + s3);
    }

    private float vector(MemorySegment in, long at) {
        return restOfVectors(in, at, 0, all(0));
    }

    private float fourVectors(MemorySegment in, long at) {
        FloatVector s0 = all(0);
        FloatVector s1 = all(0);
        FloatVector s2 = all(0);
        FloatVector s3 = all(0);
        int j = 0;
        for (; j + 4 * LANES <= columns; j += 4 * LANES) {
            FloatVector x0 = load(in, at + j);
            FloatVector x1 = load(in, at + j + LANES);
            FloatVector x2 = load(in, at + j + 2 * LANES);
            FloatVector x3 = load(in, at + j + 3 * LANES);
            s0 = x0.fma(x0, s0);
            s1 = x1.fma(x1, s1);
            s2 = x2.fma(x2, s2);
            s3 = x3.fma(x3, s3);
        }
        return restOfVectors(in, at, j, s0.add(s1).add(s2.add(s3)));
    }

    /** {@code sums} and the squares from column {@code from} on. */
    private float restOfVectors(MemorySegment in, long at, int from, FloatVector sums) {
        FloatVector s = sums;
        int j = from;
        for (; j + LANES <= columns; j += LANES) {
            FloatVector v = load(in, at + j);
            s = v.fma(v, s);
        }
        if (j < columns) {
            FloatVector v = load(in, at + j, columns - j);
            s = v.fma(v, s);
        }
        return s.reduceLanes(VectorOperators.ADD);
    }

    private void scalar(MemorySegment to, MemorySegment in, long at, float factor) {
        for (int j = 0; j < columns; j++) {
            set(to, at + j, factor * get(in, at + j));
        }
    }

    private void vectors(MemorySegment to, MemorySegment in, long at, float factor) {
        int j = 0;
        for (; j + LANES <= columns; j += LANES) {
            store(load(in, at + j).mul(factor), to, at + j);
        }
        if (j < columns) {
            store(load(in, at + j, columns - j).mul(factor), to, at + j, columns - j);
        }
    }

    private void shipped(Kernels kernels) {
        kernels.norm().rmsNorm(out, rstd, x, null, EPS);
    }

    @Override
    public void reset() {
        Floats.spoil(out);
        Floats.spoil(rstd);
    }

    @Override
    public List<Expected> expected() {
        double[] values = new double[rows * columns];
        double[] scales = new double[rows * columns];
        double[] factors = new double[rows];
        for (int i = 0; i < rows; i++) {
            double squares = 0;
            for (int j = 0; j < columns; j++) {
                squares += Math.pow(x.getFlat((long) i * columns + j), 2);
            }
            factors[i] = 1 / Math.sqrt(squares / columns + EPS);
            for (int j = 0; j < columns; j++) {
                values[i * columns + j] = factors[i] * x.getFlat((long) i * columns + j);
                scales[i * columns + j] = Math.abs(values[i * columns + j]) + Float.MIN_NORMAL;
            }
        }
        return List.of(new Expected(out, values, scales), new Expected(rstd, factors, factors));
    }

    /** A sum of C squares in order, whose error the root halves, and two roundings. */
    @Override
    public double tolerance() {
        return 6e-8 * (columns / 2.0 + 4);
    }

    @Override
    public Work work() {
        return new Work(0, 2 * 4.0 * rows * columns);
    }
}
