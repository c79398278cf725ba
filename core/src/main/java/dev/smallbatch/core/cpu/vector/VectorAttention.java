package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Rotary embedding and causal attention. */
final class VectorAttention implements AttentionKernels {
    private static final int L = Lanes.COUNT;
    /** Floats of one operand that are packed at a time, unless one batch element needs more. */
    private static final long ROUND = 1 << 19;

    private final Parallel parallel;
    private final AttentionForward forward;
    private final AttentionBackward backward;
    private final float[][] scores;

    VectorAttention(Parallel parallel) {
        this.parallel = parallel;
        AttentionScratch[] scratches = new AttentionScratch[parallel.threads()];
        for (int i = 0; i < scratches.length; i++) {
            scratches[i] = new AttentionScratch();
        }
        this.forward = new AttentionForward(parallel, scratches);
        this.backward = new AttentionBackward(parallel, scratches);
        this.scores = new float[parallel.threads()][0];
    }

    /** Batch elements whose heads are packed together: many if they are small, so that there are tasks for every thread. */
    static int batchesPerRound(AttentionSpec spec) {
        return (int) Math.max(1, ROUND / ((long) spec.time() * spec.outCols()));
    }

    @Override
    public void rope(Tensor out, Tensor x, Tensor cos, Tensor sin, AttentionSpec spec, boolean inverse) {
        int half = spec.headSize() / 2;
        int rotated = spec.heads() + spec.kvHeads();
        MemorySegment o = out.segment();
        MemorySegment in = x.segment();
        Rows.each(parallel, x.shape().rows(), spec.qkvCols(), row -> {
            long at = row * spec.qkvCols();
            long angle = row % spec.time() * half;
            for (int head = 0; head < rotated; head++) {
                rotate(o, in, at + (long) head * spec.headSize(), half, cos.segment(), sin.segment(), angle, inverse ? -1 : 1);
            }
            MemorySegment.copy(in, (at + spec.valueCol()) << 2, o, (at + spec.valueCol()) << 2,
                    (long) spec.kvHeads() * spec.headSize() << 2);
        });
    }

    /** {@code (a, b) -> (a cos - b sin, b cos + a sin)} for the two halves of one head. */
    private static void rotate(MemorySegment o, MemorySegment in, long at, int half, MemorySegment cos, MemorySegment sin,
            long angle, float sign) {
        int i = 0;
        for (; i + L <= half; i += L) {
            FloatVector c = Lanes.load(cos, angle + i);
            FloatVector s = Lanes.load(sin, angle + i).mul(sign);
            FloatVector a = Lanes.load(in, at + i);
            FloatVector b = Lanes.load(in, at + half + i);
            Lanes.store(a.mul(c).sub(b.mul(s)), o, at + i);
            Lanes.store(b.mul(c).add(a.mul(s)), o, at + half + i);
        }
        if (i < half) {
            VectorMask<Float> rest = Lanes.first(half - i);
            FloatVector c = Lanes.load(cos, angle + i, rest);
            FloatVector s = Lanes.load(sin, angle + i, rest).mul(sign);
            FloatVector a = Lanes.load(in, at + i, rest);
            FloatVector b = Lanes.load(in, at + half + i, rest);
            Lanes.store(a.mul(c).sub(b.mul(s)), o, at + i, rest);
            Lanes.store(b.mul(c).add(a.mul(s)), o, at + half + i, rest);
        }
    }

    @Override
    public void attention(Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {
        forward.run(out, lse, qkv, spec);
    }

    @Override
    public void attentionBackward(Tensor dqkv, Tensor dout, Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {
        backward.run(dqkv, dout, out, lse, qkv, spec);
    }

    @Override
    public void attentionDecode(Tensor out, Tensor qkv, Tensor keys, Tensor values, int length, AttentionSpec spec) {
        int size = spec.headSize();
        long stride = keys.shape().cols();
        long capacity = keys.shape().dim(1);
        parallel.run(spec.batch() * spec.heads(), (task, thread) -> {
            int batch = task / spec.heads();
            int h = task % spec.heads();
            if (scores[thread].length < length) {
                scores[thread] = new float[(int) capacity];
            }
            float[] p = scores[thread];
            long query = (long) batch * spec.qkvCols() + (long) h * size;
            long cached = batch * capacity * stride + (long) (h / spec.group()) * size;
            for (int j = 0; j < length; j++) {
                p[j] = Rows.dot(qkv.segment(), query, keys.segment(), cached + j * stride, size) * spec.scale();
            }
            float reciprocal = 1 / exponentials(p, length);
            weightedSum(out.segment(), (long) batch * spec.outCols() + (long) h * size, values.segment(), cached, stride, p,
                    length, size, reciprocal);
        });
    }

    /** Replaces p by {@code exp(p - max)} and returns the sum. */
    private static float exponentials(float[] p, int length) {
        float max = Float.NEGATIVE_INFINITY;
        for (int j = 0; j < length; j++) {
            max = Math.max(max, p[j]);
        }
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int j = 0;
        for (; j + L <= length; j += L) {
            FloatVector e = VectorMath.exp(FloatVector.fromArray(Lanes.SPECIES, p, j).sub(max));
            e.intoArray(p, j);
            sum = sum.add(e);
        }
        float total = Lanes.sum(sum);
        if (j < length) {
            VectorMask<Float> rest = Lanes.first(length - j);
            FloatVector e = VectorMath.exp(FloatVector.fromArray(Lanes.SPECIES, p, j, rest).sub(max));
            e.intoArray(p, j, rest);
            total += Lanes.sum(FloatVector.zero(Lanes.SPECIES).blend(e, rest));
        }
        return total;
    }

    /** {@code out = factor sum over j of p[j] values[j]}. */
    private static void weightedSum(MemorySegment out, long outAt, MemorySegment values, long at, long stride, float[] p,
            int length, int size, float factor) {
        for (int d = 0; d < size; d += L) {
            VectorMask<Float> lanes = Lanes.first(size - d);
            FloatVector sum = FloatVector.zero(Lanes.SPECIES);
            for (int j = 0; j < length; j++) {
                sum = Lanes.load(values, at + j * stride + d, lanes).fma(Lanes.all(p[j]), sum);
            }
            Lanes.store(sum.mul(factor), out, outAt + d, lanes);
        }
    }
}
