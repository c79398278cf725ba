package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;

/**
 * Products by packed panels: blocks of both operands are copied into panels that the caches hold, then tiles of the
 * output are computed one by one. Sums over K run in blocks of {@link #DEPTH}, in ascending order, whatever the threads.
 */
final class VectorMatmul implements MatmulKernels {
    private static final int ROWS = GemmTile.ROWS;
    private static final int COLS = GemmTile.COLS;
    /** K of a block: a panel of b, DEPTH x COLS floats, stays in the first-level cache. */
    private static final int DEPTH = 384;
    /** Panels of a that are packed at a time. */
    private static final int A_PANELS = 1536 / ROWS;
    /** Panels of both that are packed at a time by one thread. */
    private static final int FEW_PANELS = 4;
    /** Panels of b that are packed at a time. */
    private static final int B_PANELS = 2048 / COLS;
    /** Panels of a in one task: with its panels of b they stay in the second-level cache. */
    private static final int TASK_A_PANELS = 240 / ROWS;
    /** Panels of b in one task. */
    private static final int TASK_B_PANELS = 4;
    /** Below this many multiplications one thread does everything. */
    private static final long SERIAL = 1L << 17;
    /** Up to so many multiplications a product of many is made by one thread. */
    private static final long EACH_SERIAL = 1L << 21;

    private final Parallel parallel;
    private final int rowsAtOnce;
    private final int colsAtOnce;
    private final float[] packedA;
    private final float[] packedB;
    private final float[][] tiles;
    /** For each of several threads one that works alone. */
    private final List<VectorMatmul> alone;

    VectorMatmul(Parallel parallel) {
        this(parallel, A_PANELS, B_PANELS,
                Stream.generate(() -> new VectorMatmul(Parallel.of(1), FEW_PANELS, FEW_PANELS, List.of()))
                        .limit(parallel.threads() == 1 ? 0 : parallel.threads()).toList());
    }

    private VectorMatmul(Parallel parallel, int aPanels, int bPanels, List<VectorMatmul> alone) {
        this.parallel = parallel;
        this.rowsAtOnce = aPanels * ROWS;
        this.colsAtOnce = bPanels * COLS;
        this.packedA = new float[rowsAtOnce * DEPTH];
        this.packedB = new float[colsAtOnce * DEPTH];
        this.tiles = new float[parallel.threads()][ROWS * COLS];
        this.alone = alone;
    }

    @Override
    public void matmul(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, float beta) {
        int m = (int) out.shape().rows();
        int n = (int) out.shape().cols();
        int k = (int) (ta == Transpose.NO ? a.shape().cols() : a.shape().rows());
        new Product(out.segment(), a, ta, b, tb, null, m, n, k, alpha, beta == 0 ? null : out, beta).run();
    }

    @Override
    public void matmulEach(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, Tensor c, float beta) {
        int count = (int) out.shape().dim(0);
        int m = (int) out.shape().dim(1);
        int n = (int) out.shape().dim(2);
        int k = (int) a.shape().dim(ta == Transpose.NO ? 2 : 1);
        boolean small = !alone.isEmpty() && count > 1 && (long) m * n * k <= EACH_SERIAL;
        Parallel.Task each = (i, thread) -> {
            Tensor added = c == null ? null : c.rows(i, i + 1L);
            (small ? alone.get(thread) : this).new Product(out.rows(i, i + 1L).segment(), a.rows(i, i + 1L), ta,
                    b.rows(i, i + 1L), tb, null, m, n, k, alpha, added, beta).run();
        };
        if (small) {
            parallel.run(count, each);
        } else {
            for (int i = 0; i < count; i++) {
                each.run(i, 0);
            }
        }
    }

    @Override
    public void linear(Tensor out, Tensor x, Tensor weight, Tensor bias) {
        int m = (int) out.shape().rows();
        int n = (int) out.shape().cols();
        int k = (int) x.shape().cols();
        if (m <= FewRows.LIMIT) {
            FewRows.linear(parallel, out.segment(), x.segment(), weight, bias == null ? null : bias.segment(), m, n, k);
            return;
        }
        new Product(out.segment(), x, Transpose.NO, weight, Transpose.YES, bias == null ? null : bias.segment(), m, n, k, 1, null,
                0).run();
    }

    @Override
    public void biasBackward(Tensor dbias, Tensor dout) {
        Rows.addColumnSums(parallel, dbias.segment(), dout.segment(), dout.shape().rows(), (int) dout.shape().cols());
    }

    /** One call: its operands, and the block of them that is being worked on. */
    private final class Product {
        private final MemorySegment out;
        private final MemorySegment a;
        private final boolean aHalf;
        private final boolean ta;
        private final MemorySegment b;
        private final boolean bHalf;
        private final boolean tb;
        private final MemorySegment bias;
        private final int m;
        private final int n;
        private final int k;
        private final float alpha;
        private final MemorySegment c;
        private final float beta;
        private int rowAt;
        private int rows;
        private int colAt;
        private int cols;
        private int depthAt;
        private int depth;

        Product(MemorySegment out, Tensor a, Transpose ta, Tensor b, Transpose tb, MemorySegment bias, int m, int n, int k,
                float alpha, Tensor c, float beta) {
            this.out = out;
            this.a = a.segment();
            this.aHalf = a.dtype() == DType.BF16;
            this.ta = ta == Transpose.YES;
            this.b = b.segment();
            this.bHalf = b.dtype() == DType.BF16;
            this.tb = tb == Transpose.YES;
            this.bias = bias;
            this.m = m;
            this.n = n;
            this.k = k;
            this.alpha = alpha;
            this.c = c == null ? null : c.segment();
            this.beta = beta;
        }

        void run() {
            // K = 0 still takes one (empty) block, which writes zeros or the bias.
            for (colAt = 0; colAt < n; colAt += cols) {
                cols = Math.min(n - colAt, colsAtOnce);
                for (depthAt = 0; depthAt == 0 || depthAt < k; depthAt += Math.max(1, depth)) {
                    depth = Math.min(k - depthAt, DEPTH);
                    each(panels(cols, COLS), this::packB);
                    for (rowAt = 0; rowAt < m; rowAt += rows) {
                        rows = Math.min(m - rowAt, rowsAtOnce);
                        each(panels(rows, ROWS), this::packA);
                        compute();
                    }
                }
            }
        }

        private void each(int tasks, Parallel.Task body) {
            if ((long) m * n * k < SERIAL) {
                for (int task = 0; task < tasks; task++) {
                    body.run(task, 0);
                }
            } else {
                parallel.run(tasks, body);
            }
        }

        private void packA(int panel, int thread) {
            int row = rowAt + panel * ROWS;
            int at = panel * ROWS * depth;
            int valid = Math.min(ROWS, rowAt + rows - row);
            if (ta) {
                pack(packedA, at, ROWS, a, aHalf, true, (long) depthAt * m + row, m, valid);
            } else {
                pack(packedA, at, ROWS, a, aHalf, false, (long) row * k + depthAt, k, valid);
            }
        }

        private void packB(int panel, int thread) {
            int col = colAt + panel * COLS;
            int at = panel * COLS * depth;
            int valid = Math.min(COLS, colAt + cols - col);
            if (tb) {
                pack(packedB, at, COLS, b, bHalf, false, (long) col * k + depthAt, k, valid);
            } else {
                pack(packedB, at, COLS, b, bHalf, true, (long) depthAt * n + col, n, valid);
            }
        }

        private void pack(float[] to, int at, int width, MemorySegment from, boolean half, boolean along, long base, long stride,
                int valid) {
            if (half && along) {
                Bf16Packing.along(to, at, width, depth, from, base, stride, valid);
            } else if (half) {
                Bf16Packing.across(to, at, width, depth, from, base, stride, valid);
            } else if (along) {
                GemmPacking.along(to, at, width, depth, from, base, stride, valid);
            } else {
                GemmPacking.across(to, at, width, depth, from, base, stride, valid);
            }
        }

        private void compute() {
            int aPanels = panels(rows, ROWS);
            int bPanels = panels(cols, COLS);
            int bTasks = panels(bPanels, TASK_B_PANELS);
            // Small products are cut finer, so that every thread has work.
            int aPerTask = Math.min(TASK_A_PANELS, Math.max(1, panels(aPanels, panels(16, bTasks))));
            int aTasks = panels(aPanels, aPerTask);
            each(aTasks * bTasks, (task, thread) -> {
                int a0 = task % aTasks * aPerTask;
                int b0 = task / aTasks * TASK_B_PANELS;
                block(a0, Math.min(aPanels, a0 + aPerTask), b0, Math.min(bPanels, b0 + TASK_B_PANELS), tiles[thread]);
            });
        }

        private void block(int aFrom, int aTo, int bFrom, int bTo, float[] tile) {
            boolean first = depthAt == 0;
            for (int bp = bFrom; bp < bTo; bp++) {
                int col = bp * COLS;
                for (int ap = aFrom; ap < aTo; ap++) {
                    int row = ap * ROWS;
                    GemmTile.run(depth, packedA, row * depth, packedB, col * depth, tile, 0);
                    GemmPacking.writeTile(tile, 0, out, (long) (rowAt + row) * n + colAt + col, n, Math.min(ROWS, rows - row),
                            Math.min(COLS, cols - col), alpha, first ? c : out, first ? beta : 1, first ? bias : null,
                            colAt + col);
                }
            }
        }
    }

    private static int panels(int size, int width) {
        return (size + width - 1) / width;
    }
}
