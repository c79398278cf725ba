package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Causal attention by blocks of queries, one block a task. Scores are computed transposed, keys down and queries across,
 * so that the softmax over keys needs no sums across lanes and its result is already packed for the product with the
 * values. One task holds T x COLS scores; the (T, T) matrix never exists.
 */
final class AttentionForward {
    private static final int L = Lanes.COUNT;
    private static final int ROWS = GemmTile.ROWS;
    private static final int COLS = GemmTile.COLS;
    /** 0, 1, 2, ...: the query of each lane. */
    private static final FloatVector LANE = FloatVector.zero(Lanes.SPECIES).addIndex(1);

    private final Parallel parallel;
    private final AttentionScratch[] scratches;
    private final HeadPanels keys = new HeadPanels();
    private final HeadPanels values = new HeadPanels();

    AttentionForward(Parallel parallel, AttentionScratch[] scratches) {
        this.parallel = parallel;
        this.scratches = scratches;
    }

    void run(Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {
        int time = spec.time();
        int size = spec.headSize();
        int round = Math.min(spec.batch(), VectorAttention.batchesPerRound(spec));
        keys.resize(round * spec.kvHeads(), time, size);
        values.resize(round * spec.kvHeads(), time, size);
        int blocks = (time + COLS - 1) / COLS;
        for (int first = 0; first < spec.batch(); first += round) {
            int b0 = first;
            int count = Math.min(round, spec.batch() - first);
            parallel.run(count * spec.kvHeads() * 2, (task, thread) -> {
                int head = task / 2;
                long base = (long) (b0 + head / spec.kvHeads()) * time * spec.qkvCols() + (long) head % spec.kvHeads() * size;
                if (task % 2 == 0) {
                    keys.packRows(head, qkv, base + spec.keyCol(), spec.qkvCols());
                } else {
                    values.packColumns(head, qkv, base + spec.valueCol(), spec.qkvCols());
                }
            });
            // The last blocks have the most keys: they go first, so that no thread is left with a long one at the end.
            int heads = count * spec.heads();
            parallel.run(heads * blocks, (task, thread) -> {
                int head = task % heads;
                block(out, lse, qkv, spec, b0, head, (blocks - 1 - task / heads) * COLS, scratches[thread]);
            });
        }
    }

    /** Queries q0 to q0 + COLS - 1 of one head; {@code head} counts from the first batch element of the round. */
    private void block(Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec, int b0, int head, int q0,
            AttentionScratch scratch) {
        int time = spec.time();
        int size = spec.headSize();
        int batch = b0 + head / spec.heads();
        int h = head % spec.heads();
        int kvHead = head / spec.heads() * spec.kvHeads() + h / spec.group();
        int queries = Math.min(COLS, time - q0);
        int keyCount = Math.min(time, q0 + COLS);
        scratch.resize(time, size);
        long row = (long) batch * time + q0;
        GemmPacking.across(scratch.right, 0, COLS, size, qkv.segment(), row * spec.qkvCols() + (long) h * size, spec.qkvCols(),
                queries);
        for (int j = 0; j < keyCount; j += ROWS) {
            GemmTile.run(size, keys.data(), keys.rowsAt(kvHead, j), scratch.right, 0, scratch.scores, j * COLS);
        }
        float[] rest = scratch.perColumn;
        float[] logSum = scratch.otherPerColumn;
        softmax(scratch.scores, 0, q0, keyCount, spec.scale(), rest, logSum);
        softmax(scratch.scores, L, q0, keyCount, spec.scale(), rest, logSum);
        for (int c = 0; c < queries; c++) {
            lse.segment().setAtIndex(ValueLayout.JAVA_FLOAT, ((long) batch * spec.heads() + h) * time + q0 + c, logSum[c]);
        }
        for (int d = 0; d < size; d += ROWS) {
            GemmTile.run(keyCount, values.data(), values.columnsAt(kvHead, d, 0), scratch.scores, 0, scratch.tile, 0);
            scratch.repairTile(values.data(), values.columnsAt(kvHead, d, 0), scratch.scores, keyCount, q0, true);
            AttentionScratch.writeTransposed(scratch.tile, 0, rest, out.segment(), row * spec.outCols() + (long) h * size + d,
                    spec.outCols(), Math.min(ROWS, size - d), queries);
        }
    }

    /**
     * For the queries of L columns from {@code at}: scores become {@code exp(scale (score - max))}, 0 for later keys;
     * {@code reciprocal} gets one over their sum, {@code logSum} the log-sum-exp.
     */
    private static void softmax(float[] scores, int at, int q0, int keys, float scale, float[] reciprocal, float[] logSum) {
        FloatVector max = Lanes.all(Float.NEGATIVE_INFINITY);
        int open = Math.min(keys, q0 + at + 1);
        for (int j = 0; j < open; j++) {
            max = max.max(FloatVector.fromArray(Lanes.SPECIES, scores, j * COLS + at));
        }
        for (int j = open; j < keys; j++) {
            VectorMask<Float> later = LANE.compare(VectorOperators.LT, (float) (j - q0 - at));
            FloatVector s = FloatVector.fromArray(Lanes.SPECIES, scores, j * COLS + at).blend(Float.NEGATIVE_INFINITY, later);
            s.intoArray(scores, j * COLS + at);
            max = max.max(s);
        }
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        for (int j = 0; j < keys; j++) {
            FloatVector e = VectorMath.exp(FloatVector.fromArray(Lanes.SPECIES, scores, j * COLS + at).sub(max).mul(scale));
            e.intoArray(scores, j * COLS + at);
            sum = sum.add(e);
        }
        Lanes.all(1).div(sum).intoArray(reciprocal, at);
        max.mul(scale).intoArray(logSum, at);
        for (int c = 0; c < L; c++) {
            logSum[at + c] += (float) StrictMath.log(sum.lane(c));
        }
    }
}
