package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.NormKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Normalizations. Rows are independent; weight gradients are summed over rows by channel, in a second pass. */
final class VectorNorm implements NormKernels {
    private static final int L = Lanes.COUNT;

    private final Parallel parallel;

    VectorNorm(Parallel parallel) {
        this.parallel = parallel;
    }

    @Override
    public void layerNorm(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps) {
        int cols = (int) x.shape().cols();
        MemorySegment o = out.segment();
        MemorySegment in = x.segment();
        MemorySegment w = weight.segment();
        MemorySegment b = bias.segment();
        Rows.each(parallel, x.shape().rows(), cols, row -> {
            long at = row * cols;
            float m = Rows.sum(in, at, cols) / cols;
            float r = reciprocalRoot(Rows.squares(in, at, cols, m) / cols, eps);
            set(mean, row, m);
            set(rstd, row, r);
            int i = 0;
            for (; i + L <= cols; i += L) {
                Lanes.store(Lanes.load(in, at + i).sub(m).mul(r).fma(Lanes.load(w, i), Lanes.load(b, i)), o, at + i);
            }
            VectorMask<Float> rest = Lanes.first(cols - i);
            Lanes.store(Lanes.load(in, at + i, rest).sub(m).mul(r).fma(Lanes.load(w, i, rest), Lanes.load(b, i, rest)), o,
                    at + i, rest);
        });
    }

    @Override
    public void layerNormBackward(Tensor dx, Tensor dweight, Tensor dbias, Tensor dout, Tensor x, Tensor weight, Tensor mean,
            Tensor rstd) {
        int cols = (int) x.shape().cols();
        MemorySegment to = dx.segment();
        MemorySegment d = dout.segment();
        MemorySegment in = x.segment();
        MemorySegment w = weight.segment();
        Rows.each(parallel, x.shape().rows(), cols, row ->
                normBackwardRow(to, d, in, w, row * cols, cols, get(mean, row), get(rstd, row), true));
        weightBackward(dweight, d, in, mean, rstd, x.shape().rows(), cols);
        Rows.addColumnSums(parallel, dbias.segment(), d, x.shape().rows(), cols);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor rstd, Tensor x, Tensor weight, float eps) {
        int cols = (int) x.shape().cols();
        MemorySegment o = out.segment();
        MemorySegment in = x.segment();
        Rows.each(parallel, x.shape().rows(), cols, row -> {
            long at = row * cols;
            float r = reciprocalRoot(Rows.dot(in, at, in, at, cols) / cols, eps);
            set(rstd, row, r);
            if (weight == null) {
                Rows.scale(o, at, in, at, cols, r);
            } else {
                Rows.scale(o, at, in, at, cols, r, weight.segment());
            }
        });
    }

    @Override
    public void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dout, Tensor x, Tensor weight, Tensor rstd) {
        int cols = (int) x.shape().cols();
        MemorySegment to = dx.segment();
        MemorySegment d = dout.segment();
        MemorySegment in = x.segment();
        Rows.each(parallel, x.shape().rows(), cols, row -> {
            long at = row * cols;
            float r = get(rstd, row);
            if (weight == null) {
                addHead(to, d, in, at, cols, r, Rows.dot(d, at, in, at, cols) * r / cols);
            } else {
                normBackwardRow(to, d, in, weight.segment(), at, cols, 0, r, false);
            }
        });
        if (weight != null) {
            weightBackward(dweight, d, in, null, rstd, x.shape().rows(), cols);
        }
    }

    /** {@code dx += r (g - mean(g) [if centred] - h mean(g h))} with g = dout w, h = (x - m) r, for one row. */
    private static void normBackwardRow(MemorySegment dx, MemorySegment dout, MemorySegment x, MemorySegment w, long at,
            int cols, float m, float r, boolean centred) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        FloatVector product = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= cols; i += L) {
            FloatVector g = Lanes.load(dout, at + i).mul(Lanes.load(w, i));
            sum = sum.add(g);
            product = Lanes.load(x, at + i).sub(m).fma(g, product);
        }
        VectorMask<Float> rest = Lanes.first(cols - i);
        FloatVector tail = Lanes.load(dout, at + i, rest).mul(Lanes.load(w, i, rest));
        float meanG = centred ? Lanes.sum(sum.add(tail)) / cols : 0;
        float meanGh = Lanes.sum(Lanes.load(x, at + i, rest).sub(m, rest).fma(tail, product)) * r / cols;
        int j = 0;
        for (; j + L <= cols; j += L) {
            FloatVector g = Lanes.load(dout, at + j).mul(Lanes.load(w, j)).sub(meanG);
            FloatVector h = Lanes.load(x, at + j).sub(m).mul(r);
            Lanes.store(h.fma(Lanes.all(-meanGh), g).fma(Lanes.all(r), Lanes.load(dx, at + j)), dx, at + j);
        }
        FloatVector h = Lanes.load(x, at + j, rest).sub(m).mul(r);
        Lanes.store(h.fma(Lanes.all(-meanGh), tail.sub(meanG)).fma(Lanes.all(r), Lanes.load(dx, at + j, rest)), dx, at + j, rest);
    }

    /** {@code dx += r (dout - x r mean)}, mean = mean(dout x r): {@link #normBackwardRow} without weight and centre. */
    private static void addHead(MemorySegment dx, MemorySegment dout, MemorySegment x, long at, int cols, float r, float mean) {
        int i = 0;
        for (; i + L <= cols; i += L) {
            FloatVector d = Lanes.load(x, at + i).fma(Lanes.all(-r * mean), Lanes.load(dout, at + i));
            Lanes.store(d.fma(Lanes.all(r), Lanes.load(dx, at + i)), dx, at + i);
        }
        VectorMask<Float> rest = Lanes.first(cols - i);
        FloatVector d = Lanes.load(x, at + i, rest).fma(Lanes.all(-r * mean), Lanes.load(dout, at + i, rest));
        Lanes.store(d.fma(Lanes.all(r), Lanes.load(dx, at + i, rest)), dx, at + i, rest);
    }

    /** {@code dx = r (dout - h mean)}: the overwriting form of {@link #addHead}, of what is normalized already. */
    private static void writeHead(MemorySegment dx, MemorySegment dout, MemorySegment h, long at, int cols, float r, float mean) {
        int i = 0;
        for (; i + L <= cols; i += L) {
            Lanes.store(Lanes.load(h, at + i).fma(Lanes.all(-mean), Lanes.load(dout, at + i)).mul(r), dx, at + i);
        }
        VectorMask<Float> rest = Lanes.first(cols - i);
        Lanes.store(Lanes.load(h, at + i, rest).fma(Lanes.all(-mean), Lanes.load(dout, at + i, rest)).mul(r), dx, at + i, rest);
    }

    /** {@code dweight += sum over rows of dout (x - mean) rstd}; null means a mean of zero. */
    private void weightBackward(Tensor dweight, MemorySegment dout, MemorySegment x, Tensor mean, Tensor rstd, long rows,
            int cols) {
        MemorySegment to = dweight.segment();
        parallel.run((cols + L - 1) / L, (task, thread) -> {
            int j = task * L;
            VectorMask<Float> lanes = Lanes.first(cols - j);
            FloatVector sum = Lanes.load(to, j, lanes);
            for (long row = 0; row < rows; row++) {
                float m = mean == null ? 0 : get(mean, row);
                FloatVector h = Lanes.load(x, row * cols + j, lanes).sub(m).mul(get(rstd, row));
                sum = h.fma(Lanes.load(dout, row * cols + j, lanes), sum);
            }
            Lanes.store(sum, to, j, lanes);
        });
    }

    @Override
    public void qkNorm(Tensor out, Tensor rstd, Tensor x, AttentionSpec spec, float eps) {
        int size = spec.headSize();
        int normed = spec.heads() + spec.kvHeads();
        MemorySegment o = out.segment();
        MemorySegment in = x.segment();
        Rows.each(parallel, x.shape().rows(), spec.qkvCols(), row -> {
            long at = row * spec.qkvCols();
            for (int head = 0; head < normed; head++) {
                long slice = at + (long) head * size;
                float r = reciprocalRoot(Rows.dot(in, slice, in, slice, size) / size, eps);
                set(rstd, row * normed + head, r);
                Rows.scale(o, slice, in, slice, size, r);
            }
            MemorySegment.copy(in, (at + spec.valueCol()) << 2, o, (at + spec.valueCol()) << 2,
                    (long) spec.kvHeads() * size << 2);
        });
    }

    @Override
    public void qkNormBackward(Tensor dx, Tensor dout, Tensor h, Tensor rstd, AttentionSpec spec) {
        int size = spec.headSize();
        int normed = spec.heads() + spec.kvHeads();
        MemorySegment to = dx.segment();
        MemorySegment d = dout.segment();
        MemorySegment in = h.segment();
        Rows.each(parallel, h.shape().rows(), spec.qkvCols(), row -> {
            long at = row * spec.qkvCols();
            for (int head = 0; head < normed; head++) {
                long slice = at + (long) head * size;
                float r = get(rstd, row * normed + head);
                writeHead(to, d, in, slice, size, r, Rows.dot(d, slice, in, slice, size) / size);
            }
            MemorySegment.copy(d, (at + spec.valueCol()) << 2, to, (at + spec.valueCol()) << 2,
                    (long) spec.kvHeads() * size << 2);
        });
    }

    private static float reciprocalRoot(float meanSquare, float eps) {
        return (float) (1 / Math.sqrt((double) meanSquare + eps));
    }

    private static float get(Tensor tensor, long i) {
        return tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }

    private static void set(Tensor tensor, long i, float value) {
        tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
}
