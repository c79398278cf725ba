package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/**
 * {@code out = x weight^T + bias} for a few rows of x, as in generation: every weight is used once or a few times, so
 * packing it would cost more than the product. Weights are read in the order of memory, one row after the other.
 */
final class FewRows {
    /** Up to this many rows of x the weights are read in place. */
    static final int LIMIT = 4;
    private static final int L = Lanes.COUNT;
    /** Weight rows of one task. */
    private static final int ROWS = 64;

    private FewRows() {}

    static void linear(Parallel parallel, MemorySegment out, MemorySegment x, Tensor weight, MemorySegment bias, int rows,
            int cols, int depth) {
        MemorySegment weights = weight.segment();
        boolean half = weight.dtype() == DType.BF16;
        parallel.run((cols + ROWS - 1) / ROWS, (task, thread) -> {
            int end = Math.min(cols, (task + 1) * ROWS);
            for (int j = task * ROWS; j < end; j++) {
                float b = bias == null ? 0 : bias.getAtIndex(ValueLayout.JAVA_FLOAT, j);
                for (int row = 0; row < rows; row++) {
                    long xAt = (long) row * depth;
                    long at = (long) j * depth;
                    float product = half ? bf16Dot(x, xAt, weights, at, depth) : dot(x, xAt, weights, at, depth);
                    out.setAtIndex(ValueLayout.JAVA_FLOAT, (long) row * cols + j, product + b);
                }
            }
        });
    }

    /** Four independent sums: one would wait for the latency of each addition. */
    private static float dot(MemorySegment x, long xAt, MemorySegment w, long wAt, int depth) {
        FloatVector s0 = FloatVector.zero(Lanes.SPECIES);
        FloatVector s1 = FloatVector.zero(Lanes.SPECIES);
        FloatVector s2 = FloatVector.zero(Lanes.SPECIES);
        FloatVector s3 = FloatVector.zero(Lanes.SPECIES);
        int k = 0;
        for (; k + 4 * L <= depth; k += 4 * L) {
            s0 = Lanes.load(w, wAt + k).fma(Lanes.load(x, xAt + k), s0);
            s1 = Lanes.load(w, wAt + k + L).fma(Lanes.load(x, xAt + k + L), s1);
            s2 = Lanes.load(w, wAt + k + 2 * L).fma(Lanes.load(x, xAt + k + 2 * L), s2);
            s3 = Lanes.load(w, wAt + k + 3 * L).fma(Lanes.load(x, xAt + k + 3 * L), s3);
        }
        float sum = Lanes.sum(s0.add(s1).add(s2.add(s3)));
        return k < depth ? sum + Rows.dot(x, xAt + k, w, wAt + k, depth - k) : sum;
    }

    /** The same sums in the same order, with weights of half the size. */
    private static float bf16Dot(MemorySegment x, long xAt, MemorySegment w, long wAt, int depth) {
        FloatVector s0 = FloatVector.zero(Lanes.SPECIES);
        FloatVector s1 = FloatVector.zero(Lanes.SPECIES);
        FloatVector s2 = FloatVector.zero(Lanes.SPECIES);
        FloatVector s3 = FloatVector.zero(Lanes.SPECIES);
        int k = 0;
        for (; k + 4 * L <= depth; k += 4 * L) {
            s0 = Bf16.load(w, wAt + k).fma(Lanes.load(x, xAt + k), s0);
            s1 = Bf16.load(w, wAt + k + L).fma(Lanes.load(x, xAt + k + L), s1);
            s2 = Bf16.load(w, wAt + k + 2 * L).fma(Lanes.load(x, xAt + k + 2 * L), s2);
            s3 = Bf16.load(w, wAt + k + 3 * L).fma(Lanes.load(x, xAt + k + 3 * L), s3);
        }
        float sum = Lanes.sum(s0.add(s1).add(s2.add(s3)));
        return k < depth ? sum + Bf16.dot(x, xAt + k, w, wAt + k, depth - k) : sum;
    }
}
