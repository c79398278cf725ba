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
import java.lang.foreign.ValueLayout;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Softmax cross entropy with its gradient: of a row x and its target, {@code loss = log(sum of exp(x)) - x[target]} and
 * {@code gradient = scale (exp(x) / sum of exp(x) - [target])}. The largest x is subtracted first, so that no exponential
 * overflows. Exponentials cost more than memory here: the versions first save passes, then exponentials, then compute them
 * in vectors.
 */
final class CrossEntropyLab implements LabCase {
    private final int rows;
    private final int columns;
    private final float scale;
    private final Tensor losses;
    private final Tensor gradients;
    private final Tensor logits;
    private final Tensor targets;
    private final Kernels one;
    private final Kernels all;

    /** One row: its gradient is written, its loss returned. */
    @FunctionalInterface
    private interface Row {
        double loss(MemorySegment d, MemorySegment x, long at, int target);
    }

    CrossEntropyLab(int[] sizes, Operands operands, Kernels one, Kernels all) {
        rows = sizes[0];
        columns = sizes[1];
        scale = 1f / rows;
        logits = operands.uniform(rows, columns);
        targets = operands.integers(columns, rows);
        losses = operands.uniform(rows);
        gradients = operands.uniform(rows, columns);
        this.one = one;
        this.all = all;
    }

    @Override
    public List<Version> versions() {
        return List.of(
                Version.of("three passes: the maximum, the sum of exponentials, the gradient from exponentials once more",
                        () -> each(this::textbook)),
                Version.of("online: a sum rescaled at each larger maximum saves a pass; no gain while exponentials take the time",
                        () -> each(this::online)),
                Version.of("one exponential for each logit, not two: it is kept where the gradient will be, and scaled there",
                        () -> each(this::kept)),
                Version.of("a vector of logits at a time, exponentials too", () -> each(this::vectorized)),
                Version.of("shipped: an exponential of our own, a polynomial of just the precision that float needs, one thread",
                        () -> shipped(one)),
                new Version("shipped, all threads: rows are shared out", true, () -> shipped(all)));
    }

    private void each(Row row) {
        for (int i = 0; i < rows; i++) {
            int target = targets.segment().getAtIndex(ValueLayout.JAVA_INT, i);
            long at = (long) i * columns;
            set(losses.segment(), i, (float) row.loss(gradients.segment(), logits.segment(), at, target));
            set(gradients.segment(), at + target, get(gradients.segment(), at + target) - scale);
        }
    }

    private double textbook(MemorySegment d, MemorySegment x, long at, int target) {
        float max = Float.NEGATIVE_INFINITY;
        for (int j = 0; j < columns; j++) {
            max = Math.max(max, get(x, at + j));
        }
        double sum = 0;
        for (int j = 0; j < columns; j++) {
            sum += Math.exp(get(x, at + j) - max);
        }
        for (int j = 0; j < columns; j++) {
            set(d, at + j, (float) (scale * Math.exp(get(x, at + j) - max) / sum));
        }
        return Math.log(sum) + max - get(x, at + target);
    }

    private double online(MemorySegment d, MemorySegment x, long at, int target) {
        float max = Float.NEGATIVE_INFINITY;
        double sum = 0;
        for (int j = 0; j < columns; j++) {
            float value = get(x, at + j);
            if (value > max) {
                sum *= Math.exp(max - value);
                max = value;
            }
            sum += Math.exp(value - max);
        }
        for (int j = 0; j < columns; j++) {
            set(d, at + j, (float) (scale * Math.exp(get(x, at + j) - max) / sum));
        }
        return Math.log(sum) + max - get(x, at + target);
    }

    private double kept(MemorySegment d, MemorySegment x, long at, int target) {
        float max = Float.NEGATIVE_INFINITY;
        for (int j = 0; j < columns; j++) {
            max = Math.max(max, get(x, at + j));
        }
        double sum = 0;
        for (int j = 0; j < columns; j++) {
            float e = (float) Math.exp(get(x, at + j) - max);
            set(d, at + j, e);
            sum += e;
        }
        float factor = (float) (scale / sum);
        for (int j = 0; j < columns; j++) {
            set(d, at + j, factor * get(d, at + j));
        }
        return Math.log(sum) + max - get(x, at + target);
    }

    private double vectorized(MemorySegment d, MemorySegment x, long at, int target) {
        int whole = columns - columns % LANES;
        int rest = columns - whole;
        FloatVector largest = all(Float.NEGATIVE_INFINITY);
        for (int j = 0; j < whole; j += LANES) {
            largest = largest.max(load(x, at + j));
        }
        largest = largest.max(all(Float.NEGATIVE_INFINITY).blend(load(x, at + whole, rest), Floats.first(rest)));
        float max = largest.reduceLanes(VectorOperators.MAX);
        FloatVector sums = all(0);
        for (int j = 0; j < whole; j += LANES) {
            FloatVector e = load(x, at + j).sub(max).lanewise(VectorOperators.EXP);
            store(e, d, at + j);
            sums = sums.add(e);
        }
        FloatVector e = load(x, at + whole, rest).sub(max).lanewise(VectorOperators.EXP);
        store(e, d, at + whole, rest);
        float sum = sums.add(e, Floats.first(rest)).reduceLanes(VectorOperators.ADD);
        for (int j = 0; j < whole; j += LANES) {
            store(load(d, at + j).mul(scale / sum), d, at + j);
        }
        store(load(d, at + whole, rest).mul(scale / sum), d, at + whole, rest);
        return Math.log(sum) + max - get(x, at + target);
    }

    private void shipped(Kernels kernels) {
        kernels.loss().crossEntropy(losses, gradients, logits, targets, columns, scale);
    }

    @Override
    public void reset() {
        Floats.spoil(losses);
        Floats.spoil(gradients);
    }

    @Override
    public List<Expected> expected() {
        double[] loss = new double[rows];
        double[] lossScales = new double[rows];
        double[] gradient = new double[rows * columns];
        double[] gradientScales = new double[rows * columns];
        for (int i = 0; i < rows; i++) {
            int target = (int) targets.getFlat(i);
            int at = i * columns;
            double sum = 0;
            for (int j = 0; j < columns; j++) {
                sum += Math.exp(logits.getFlat(at + j));
            }
            loss[i] = Math.log(sum) - logits.getFlat(at + target);
            lossScales[i] = 1 + Math.abs(loss[i]);
            for (int j = 0; j < columns; j++) {
                double probability = Math.exp(logits.getFlat(at + j)) / sum;
                gradient[at + j] = scale * (probability - (j == target ? 1 : 0));
                gradientScales[at + j] = scale * (probability + (j == target ? 1 : 0));
            }
        }
        return List.of(new Expected(losses, loss, lossScales), new Expected(gradients, gradient, gradientScales));
    }

    /** A few roundings, and those of a sum in float of one vector's share of a row. */
    @Override
    public double tolerance() {
        return 1e-6 + 6e-8 * columns / 16;
    }

    @Override
    public Work work() {
        return new Work(0, 2 * 4.0 * rows * columns);
    }
}
