package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Gradient of {@link AttentionForward}. With {@code P = exp(scale S - lse)}, {@code delta = sum_d dout out} and
 * {@code dS = scale P (dP - delta)}: dq = dS k by blocks of queries, then dk = dS^T q and dv = P^T dout by blocks of keys.
 * Scores are computed once for each of the two, so that every task writes rows of its own.
 */
final class AttentionBackward {
    private static final int L = Lanes.COUNT;
    private static final int ROWS = GemmTile.ROWS;
    private static final int COLS = GemmTile.COLS;
    private static final FloatVector LANE = FloatVector.zero(Lanes.SPECIES).addIndex(1);

    private final Parallel parallel;
    private final AttentionScratch[] scratches;
    private final HeadPanels keyRows = new HeadPanels();
    private final HeadPanels keyColumns = new HeadPanels();
    private final HeadPanels valueRows = new HeadPanels();
    private final HeadPanels queryRows = new HeadPanels();
    private final HeadPanels queryColumns = new HeadPanels();
    private final HeadPanels doutRows = new HeadPanels();
    private final HeadPanels doutColumns = new HeadPanels();
    private float[] deltas = new float[0];

    AttentionBackward(Parallel parallel, AttentionScratch[] scratches) {
        this.parallel = parallel;
        this.scratches = scratches;
    }

    void run(Tensor dqkv, Tensor dout, Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {
        int round = Math.min(spec.batch(), VectorAttention.batchesPerRound(spec));
        resize(spec, round);
        int blocks = (spec.time() + COLS - 1) / COLS;
        for (int first = 0; first < spec.batch(); first += round) {
            Round r = new Round(dqkv, dout, out, lse, qkv, spec, first);
            int count = Math.min(round, spec.batch() - first);
            int heads = count * spec.heads();
            int kvHeads = count * spec.kvHeads();
            parallel.run(heads + kvHeads, (task, thread) -> {
                if (task < heads) {
                    r.packHead(task);
                } else {
                    r.packKvHead(task - heads);
                }
            });
            // Long blocks first: late queries have many keys, early keys many queries.
            int queryTasks = heads * blocks;
            parallel.run(queryTasks + kvHeads * blocks, (task, thread) -> {
                AttentionScratch scratch = scratches[thread];
                scratch.resize(spec.time(), spec.headSize());
                if (task < queryTasks) {
                    r.queryBlock(task % heads, (blocks - 1 - task / heads) * COLS, scratch);
                } else {
                    int keyTask = task - queryTasks;
                    r.keyBlock(keyTask % kvHeads, keyTask / kvHeads * COLS, scratch);
                }
            });
        }
    }

    private void resize(AttentionSpec spec, int round) {
        for (HeadPanels panels : new HeadPanels[] {keyRows, keyColumns, valueRows}) {
            panels.resize(round * spec.kvHeads(), spec.time(), spec.headSize());
        }
        for (HeadPanels panels : new HeadPanels[] {queryRows, queryColumns, doutRows, doutColumns}) {
            panels.resize(round * spec.heads(), spec.time(), spec.headSize());
        }
        if (deltas.length < round * spec.heads() * spec.time()) {
            deltas = new float[round * spec.heads() * spec.time()];
        }
    }

    /** Some batch elements of one call; heads count from the first of them. */
    private final class Round {
        private final MemorySegment dqkv;
        private final Tensor dout;
        private final Tensor out;
        private final MemorySegment lse;
        private final Tensor qkv;
        private final AttentionSpec spec;
        private final int firstBatch;
        private final int time;
        private final int size;

        Round(Tensor dqkv, Tensor dout, Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec, int firstBatch) {
            this.dqkv = dqkv.segment();
            this.dout = dout;
            this.out = out;
            this.lse = lse.segment();
            this.qkv = qkv;
            this.spec = spec;
            this.firstBatch = firstBatch;
            this.time = spec.time();
            this.size = spec.headSize();
        }

        private long qkvAt(int batch, int t, int column) {
            return ((long) (firstBatch + batch) * time + t) * spec.qkvCols() + column;
        }

        private long outAt(int batch, int t, int h) {
            return ((long) (firstBatch + batch) * time + t) * spec.outCols() + (long) h * size;
        }

        private float lse(int head, int t) {
            return lse.getAtIndex(ValueLayout.JAVA_FLOAT, ((long) firstBatch * spec.heads() + head) * time + t);
        }

        void packHead(int head) {
            int batch = head / spec.heads();
            int h = head % spec.heads();
            queryRows.packRows(head, qkv, qkvAt(batch, 0, h * size), spec.qkvCols());
            queryColumns.packColumns(head, qkv, qkvAt(batch, 0, h * size), spec.qkvCols());
            doutRows.packRows(head, dout, outAt(batch, 0, h), spec.outCols());
            doutColumns.packColumns(head, dout, outAt(batch, 0, h), spec.outCols());
            for (int t = 0; t < time; t++) {
                long at = outAt(batch, t, h);
                deltas[head * time + t] = Rows.dot(dout.segment(), at, out.segment(), at, size);
            }
        }

        void packKvHead(int kvHead) {
            int batch = kvHead / spec.kvHeads();
            int column = kvHead % spec.kvHeads() * size;
            keyRows.packRows(kvHead, qkv, qkvAt(batch, 0, spec.keyCol() + column), spec.qkvCols());
            keyColumns.packColumns(kvHead, qkv, qkvAt(batch, 0, spec.keyCol() + column), spec.qkvCols());
            valueRows.packRows(kvHead, qkv, qkvAt(batch, 0, spec.valueCol() + column), spec.qkvCols());
        }

        /** dq of queries q0 to q0 + COLS - 1: keys down, queries across. */
        void queryBlock(int head, int q0, AttentionScratch s) {
            int batch = head / spec.heads();
            int h = head % spec.heads();
            int kvHead = batch * spec.kvHeads() + h / spec.group();
            int queries = Math.min(COLS, time - q0);
            int keys = Math.min(time, q0 + COLS);
            GemmPacking.across(s.right, 0, COLS, size, qkv.segment(), qkvAt(batch, q0, h * size), spec.qkvCols(), queries);
            GemmPacking.across(s.otherRight, 0, COLS, size, dout.segment(), outAt(batch, q0, h), spec.outCols(), queries);
            for (int j = 0; j < keys; j += ROWS) {
                GemmTile.run(size, keyRows.data(), keyRows.rowsAt(kvHead, j), s.right, 0, s.scores, j * COLS);
                GemmTile.run(size, valueRows.data(), valueRows.rowsAt(kvHead, j), s.otherRight, 0, s.dscores, j * COLS);
            }
            for (int c = 0; c < COLS; c++) {
                s.perColumn[c] = c < queries ? lse(head, q0 + c) : 0;
                s.otherPerColumn[c] = c < queries ? deltas[head * time + q0 + c] : 0;
            }
            queryScores(s, 0, q0, keys, spec.scale());
            queryScores(s, L, q0, keys, spec.scale());
            for (int d = 0; d < size; d += ROWS) {
                GemmTile.run(keys, keyColumns.data(), keyColumns.columnsAt(kvHead, d, 0), s.scores, 0, s.tile, 0);
                s.repairTile(keyColumns.data(), keyColumns.columnsAt(kvHead, d, 0), s.scores, keys, q0, true);
                AttentionScratch.writeTransposed(s.tile, 0, null, dqkv, qkvAt(batch, q0, h * size) + d, spec.qkvCols(),
                        Math.min(ROWS, size - d), queries);
            }
        }

        /** dk and dv of keys k0 to k0 + COLS - 1: queries down, keys across; summed over the heads that share them. */
        void keyBlock(int kvHead, int k0, AttentionScratch s) {
            int batch = kvHead / spec.kvHeads();
            int column = kvHead % spec.kvHeads() * size;
            int keys = Math.min(COLS, time - k0);
            int from = k0 / ROWS * ROWS;
            GemmPacking.across(s.right, 0, COLS, size, qkv.segment(), qkvAt(batch, k0, spec.keyCol() + column), spec.qkvCols(),
                    keys);
            GemmPacking.across(s.otherRight, 0, COLS, size, qkv.segment(), qkvAt(batch, k0, spec.valueCol() + column),
                    spec.qkvCols(), keys);
            Arrays.fill(s.dkeys, 0);
            Arrays.fill(s.dvalues, 0);
            for (int g = 0; g < spec.group(); g++) {
                int head = batch * spec.heads() + kvHead % spec.kvHeads() * spec.group() + g;
                for (int t = from; t < time; t += ROWS) {
                    GemmTile.run(size, queryRows.data(), queryRows.rowsAt(head, t), s.right, 0, s.scores, (t - from) * COLS);
                    GemmTile.run(size, doutRows.data(), doutRows.rowsAt(head, t), s.otherRight, 0, s.dscores, (t - from) * COLS);
                }
                for (int t = from; t < time; t++) {
                    keyScores(s, t - from, spec.scale(), lse(head, t), deltas[head * time + t]);
                }
                for (int t = from; t < Math.min(time, k0 + COLS - 1); t++) {
                    hideLater(s, t - from, t - k0);
                }
                for (int d = 0; d < size; d += ROWS) {
                    GemmTile.run(time - from, doutColumns.data(), doutColumns.columnsAt(head, d, from), s.scores, 0, s.tile, 0);
                    s.repairTile(doutColumns.data(), doutColumns.columnsAt(head, d, from), s.scores, time - from,
                            k0 - from, false);
                    addTile(s.dvalues, d * COLS, s.tile);
                    GemmTile.run(time - from, queryColumns.data(), queryColumns.columnsAt(head, d, from), s.dscores, 0, s.tile,
                            0);
                    s.repairTile(queryColumns.data(), queryColumns.columnsAt(head, d, from), s.dscores, time - from,
                            k0 - from, false);
                    addTile(s.dkeys, d * COLS, s.tile);
                }
            }
            AttentionScratch.writeTransposed(s.dkeys, 0, null, dqkv, qkvAt(batch, k0, spec.keyCol() + column), spec.qkvCols(),
                    size, keys);
            AttentionScratch.writeTransposed(s.dvalues, 0, null, dqkv, qkvAt(batch, k0, spec.valueCol() + column),
                    spec.qkvCols(), size, keys);
        }
    }

    /** L columns from {@code at}: scores become dS; perColumn holds lse, otherPerColumn delta. */
    private static void queryScores(AttentionScratch s, int at, int q0, int keys, float scale) {
        FloatVector lse = FloatVector.fromArray(Lanes.SPECIES, s.perColumn, at);
        FloatVector delta = FloatVector.fromArray(Lanes.SPECIES, s.otherPerColumn, at);
        int open = Math.min(keys, q0 + at + 1);
        for (int j = 0; j < keys; j++) {
            int i = j * COLS + at;
            FloatVector p = VectorMath.exp(FloatVector.fromArray(Lanes.SPECIES, s.scores, i).fma(Lanes.all(scale), lse.neg()));
            p.mul(FloatVector.fromArray(Lanes.SPECIES, s.dscores, i).sub(delta)).mul(scale).intoArray(s.scores, i);
        }
        for (int j = open; j < keys; j++) {
            VectorMask<Float> later = LANE.compare(VectorOperators.LT, (float) (j - q0 - at));
            int i = j * COLS + at;
            FloatVector.fromArray(Lanes.SPECIES, s.scores, i).blend(0, later).intoArray(s.scores, i);
        }
    }

    /** One query, row {@code row}: scores become P and dscores dS. */
    private static void keyScores(AttentionScratch s, int row, float scale, float lse, float delta) {
        for (int at = 0; at < COLS; at += L) {
            int i = row * COLS + at;
            FloatVector p = VectorMath.exp(FloatVector.fromArray(Lanes.SPECIES, s.scores, i).fma(Lanes.all(scale),
                    Lanes.all(-lse)));
            p.intoArray(s.scores, i);
            p.mul(FloatVector.fromArray(Lanes.SPECIES, s.dscores, i).sub(delta)).mul(scale).intoArray(s.dscores, i);
        }
    }

    /** One query: keys after number {@code last} of the block get zero, whatever was there. */
    private static void hideLater(AttentionScratch s, int row, int last) {
        for (int at = 0; at < COLS; at += L) {
            int i = row * COLS + at;
            VectorMask<Float> later = LANE.compare(VectorOperators.GT, (float) (last - at));
            FloatVector.fromArray(Lanes.SPECIES, s.scores, i).blend(0, later).intoArray(s.scores, i);
            FloatVector.fromArray(Lanes.SPECIES, s.dscores, i).blend(0, later).intoArray(s.dscores, i);
        }
    }

    private static void addTile(float[] sum, int at, float[] tile) {
        for (int i = 0; i < ROWS * COLS; i += L) {
            FloatVector.fromArray(Lanes.SPECIES, sum, at + i).add(FloatVector.fromArray(Lanes.SPECIES, tile, i)).intoArray(sum,
                    at + i);
        }
    }
}
