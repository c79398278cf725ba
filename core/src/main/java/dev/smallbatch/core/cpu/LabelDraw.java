package dev.smallbatch.core.cpu;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@link LossKernels#drawTargets} of both backends. The contract gives the order of every sum, so there is nothing that vectors
 * could do; one step in ten does it. Tasks are rows.
 */
public final class LabelDraw {
    private LabelDraw() {}

    /**
     * {@code q[j] = dlogits[n, j] + scale [j = target]}, from which the label is drawn; {@code dlogits[n, j] = q[j] - scale
     * [j = label]}.
     */
    public static void run(Parallel parallel, Tensor dlogits, Tensor targets, int vocabulary, float scale, long key, long first) {
        MemorySegment q = dlogits.segment();
        MemorySegment ids = targets.segment();
        long columns = dlogits.shape().cols();
        parallel.run(Math.toIntExact(dlogits.shape().rows()), (row, thread) -> {
            int target = ids.getAtIndex(ValueLayout.JAVA_INT, row);
            if (target < 0) {
                return;
            }
            long start = row * columns;
            float old = get(q, start + target);
            q.setAtIndex(ValueLayout.JAVA_FLOAT, start + target, old + scale);
            int label = label(q, start, vocabulary, new RandomKey(key).uniform(first + row));
            boolean same = label < 0 || label == target;
            long at = start + (same ? target : label);
            q.setAtIndex(ValueLayout.JAVA_FLOAT, at, same ? old : get(q, at) - scale);
        });
    }

    /** The first j with {@code q[0] + ... + q[j] > u (q[0] + ... + q[count - 1])}, -1 if the sum is not finite. */
    private static int label(MemorySegment q, long start, int count, double u) {
        double total = 0;
        for (int j = 0; j < count; j++) {
            total += get(q, start + j);
        }
        double sum = 0;
        for (int j = 0; j < count; j++) {
            sum += get(q, start + j);
            if (sum > u * total) {
                return j;
            }
        }
        return -1;
    }

    private static float get(MemorySegment segment, long index) {
        return segment.get(ValueLayout.JAVA_FLOAT, index << 2);
    }
}
