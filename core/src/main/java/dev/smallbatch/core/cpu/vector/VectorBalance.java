package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels.Lines;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Factors that normalize rows and columns, and steps with them. Both come from one pass: a row is summed up, and while it is in
 * the first-level cache its squares, with the new factor, are added to those of the columns.
 */
final class VectorBalance {
    private static final int L = Lanes.COUNT;
    /** Squares that are summed in float; sums of such runs are added in double. */
    private static final int RUN = 1024;
    /** Columns whose sums one task finishes. */
    private static final int STRIP = 256;

    private final Parallel parallel;
    private final WeightBlocks weights;
    private float[] tileSums = new float[1];

    VectorBalance(Parallel parallel, WeightBlocks weights) {
        this.parallel = parallel;
        this.weights = weights;
    }

    /** A matrix in blocks and the factors of their rows and columns. */
    record Matrix(BlockGrid grid, MemorySegment r, MemorySegment c, MemorySegment x) {
        Matrix(Tensor r, Tensor c, Tensor x) {
            this(new BlockGrid((int) x.shape().rows(), (int) x.shape().cols(), (int) c.shape().rows(), (int) r.shape().cols()),
                    r.segment(), c.segment(), x.segment());
        }

        long rowAt(int row, int col) {
            return (long) row * grid.across() + col / grid.blockCols();
        }

        long columnAt(int row, int col) {
            return (long) (row / grid.blockRows()) * grid.cols() + col;
        }

        float rowFactor(int row, int col) {
            return r.getAtIndex(ValueLayout.JAVA_FLOAT, rowAt(row, col));
        }

        /** The mean of the squares of a row of a block, without its own factor. */
        double meanSquare(int row, int col) {
            double sum = 0;
            for (int at = col; at < col + grid.blockCols(); at += RUN) {
                int count = Math.min(RUN, col + grid.blockCols() - at);
                sum += squares(x, (long) row * grid.cols() + at, c, columnAt(row, at), count);
            }
            return sum / grid.blockCols();
        }
    }

    void balance(Matrix matrix, Lines lines, float floor) {
        BlockGrid grid = matrix.grid;
        int cols = grid.blockCols();
        int tiles = grid.blocks() * grid.tilesPerBlock();
        if (lines != Lines.ROWS && tileSums.length < tiles * cols) {
            tileSums = new float[tiles * cols];
        }
        float[] sums = tileSums;
        grid.tiles(parallel, (tile, block, row, count, col) -> {
            if (lines != Lines.ROWS) {
                Arrays.fill(sums, tile * cols, (tile + 1) * cols, 0);
            }
            for (int i = row; i < row + count; i++) {
                if (lines != Lines.COLUMNS) {
                    divide(matrix.r, matrix.rowAt(i, col), matrix.meanSquare(i, col), floor);
                }
                if (lines != Lines.ROWS) {
                    VectorAdafactor.addSquares(sums, tile * cols, matrix.x, (long) i * grid.cols() + col,
                            matrix.rowFactor(i, col), cols);
                }
            }
        });
        if (lines != Lines.ROWS) {
            finishColumns(matrix, sums, floor);
        }
    }

    private void finishColumns(Matrix matrix, float[] sums, float floor) {
        BlockGrid grid = matrix.grid;
        int cols = grid.blockCols();
        int perBlock = grid.tilesPerBlock();
        int strips = (cols + STRIP - 1) / STRIP;
        parallel.run(grid.blocks() * strips, (task, thread) -> {
            int block = task / strips;
            int first = task % strips * STRIP;
            long to = (long) (block / grid.across()) * grid.cols() + block % grid.across() * cols;
            for (int col = first; col < Math.min(cols, first + STRIP); col++) {
                double sum = 0;
                for (int tile = block * perBlock; tile < (block + 1) * perBlock; tile++) {
                    sum += sums[tile * cols + col];
                }
                divide(matrix.c, to + col, sum / grid.blockRows(), floor);
            }
        });
    }

    /** Divides a factor by the root mean square of its line with it. */
    private static void divide(MemorySegment factors, long at, double meanSquare, float floor) {
        if (meanSquare != 0) {
            double factor = factors.getAtIndex(ValueLayout.JAVA_FLOAT, at);
            double rms = Math.abs(factor) * Math.sqrt(meanSquare);
            factors.setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) (factor / Math.max(rms, floor)));
        }
    }

    /** The sum of {@code (x factor)^2} over a part of a row. */
    private static float squares(MemorySegment x, long at, MemorySegment factors, long factorsAt, int count) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector u = Lanes.load(x, at + i).mul(Lanes.load(factors, factorsAt + i));
            sum = u.fma(u, sum);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        FloatVector u = Lanes.load(x, at + i, rest).mul(Lanes.load(factors, factorsAt + i, rest));
        return Lanes.sum(u.fma(u, sum));
    }

    /** {@code p = keep p - rate r x c}. */
    void step(Tensor p, Matrix matrix, float rate, float keep, Rounding rounding, long key) {
        weights.update(p, rounding, key, (values, at, from, count) ->
                matrix.grid.segments(from, count, (row, col, offset, length) ->
                        step(values, at + offset, matrix.x, from + offset, rate * matrix.rowFactor(row, col), matrix.c,
                                matrix.columnAt(row, col), keep, length)));
    }

    private static void step(MemorySegment p, long at, MemorySegment x, long from, float rate, MemorySegment c, long cAt,
            float keep, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector u = Lanes.load(x, from + i).mul(-rate).mul(Lanes.load(c, cAt + i));
            Lanes.store(Lanes.load(p, at + i).fma(Lanes.all(keep), u), p, at + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            FloatVector u = Lanes.load(x, from + i, rest).mul(-rate).mul(Lanes.load(c, cAt + i, rest));
            Lanes.store(Lanes.load(p, at + i, rest).fma(Lanes.all(keep), u), p, at + i, rest);
        }
    }
}
