package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.LabelDraw;
import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Softmax cross entropy, one row a task: the row stays in the cache between the passes. */
final class VectorLoss implements LossKernels {
    private static final int L = Lanes.COUNT;

    private final Parallel parallel;

    VectorLoss(Parallel parallel) {
        this.parallel = parallel;
    }

    @Override
    public void crossEntropy(Tensor losses, Tensor dlogits, Tensor logits, Tensor targets, int vocabulary, float scale) {
        MemorySegment ids = targets.segment();
        requireTargets(ids, targets.numel(), vocabulary);
        int padded = (int) logits.shape().cols();
        MemorySegment in = logits.segment();
        MemorySegment to = losses.segment();
        parallel.run((int) logits.shape().rows(), (row, thread) -> {
            int target = ids.getAtIndex(ValueLayout.JAVA_INT, row);
            long at = (long) row * padded;
            if (target < 0) {
                to.setAtIndex(ValueLayout.JAVA_FLOAT, row, 0);
                if (dlogits != null) {
                    fill(dlogits.segment(), at, padded);
                }
                return;
            }
            float max = max(in, at, vocabulary);
            float hit = in.getAtIndex(ValueLayout.JAVA_FLOAT, at + target);
            float sum;
            if (dlogits == null) {
                sum = sumOfExp(in, at, vocabulary, max);
            } else {
                MemorySegment d = dlogits.segment();
                sum = exp(d, in, at, vocabulary, max);
                scale(d, at, vocabulary, scale / sum);
                d.setAtIndex(ValueLayout.JAVA_FLOAT, at + target, d.getAtIndex(ValueLayout.JAVA_FLOAT, at + target) - scale);
                fill(d, at + vocabulary, padded - vocabulary);
            }
            to.setAtIndex(ValueLayout.JAVA_FLOAT, row, (float) (StrictMath.log(sum) + ((double) max - hit)));
        });
    }

    @Override
    public void drawTargets(Tensor dlogits, Tensor targets, int vocabulary, float scale, long key, long first) {
        LabelDraw.run(parallel, dlogits, targets, vocabulary, scale, key, first);
    }

    private static float max(MemorySegment in, long at, int count) {
        FloatVector max = Lanes.all(Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i + L <= count; i += L) {
            max = max.max(Lanes.load(in, at + i));
        }
        float result = Lanes.max(max);
        for (; i < count; i++) {
            result = Math.max(result, in.get(ValueLayout.JAVA_FLOAT, (at + i) << 2));
        }
        return result;
    }

    private static float sumOfExp(MemorySegment in, long at, int count, float max) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            sum = sum.add(VectorMath.exp(Lanes.load(in, at + i).sub(max)));
        }
        float total = Lanes.sum(sum);
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            total += Lanes.sum(FloatVector.zero(Lanes.SPECIES).blend(VectorMath.exp(Lanes.load(in, at + i, rest).sub(max)),
                    rest));
        }
        return total;
    }

    private static float exp(MemorySegment out, MemorySegment in, long at, int count, float max) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector e = VectorMath.exp(Lanes.load(in, at + i).sub(max));
            Lanes.store(e, out, at + i);
            sum = sum.add(e);
        }
        float total = Lanes.sum(sum);
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            FloatVector e = VectorMath.exp(Lanes.load(in, at + i, rest).sub(max));
            Lanes.store(e, out, at + i, rest);
            total += Lanes.sum(FloatVector.zero(Lanes.SPECIES).blend(e, rest));
        }
        return total;
    }

    private static void scale(MemorySegment out, long at, int count, float factor) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(Lanes.load(out, at + i).mul(factor), out, at + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(Lanes.load(out, at + i, rest).mul(factor), out, at + i, rest);
        }
    }

    private static void fill(MemorySegment out, long at, int count) {
        out.asSlice(at << 2, (long) count << 2).fill((byte) 0);
    }

    private static void requireTargets(MemorySegment targets, long rows, int vocabulary) {
        for (long row = 0; row < rows; row++) {
            int target = targets.getAtIndex(ValueLayout.JAVA_INT, row);
            if (target < -1 || target >= vocabulary) {
                throw new IllegalArgumentException("crossEntropy: target " + target + " in row " + row
                        + " is outside the vocabulary of "
                        + vocabulary + "; it must be from 0 to " + (vocabulary - 1) + ", or -1 to ignore the row");
            }
        }
    }
}
