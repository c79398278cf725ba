package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** The two halves of a Muon update, around products that the caller makes. */
final class VectorMuon {
    private static final int L = Lanes.COUNT;

    private final Parallel parallel;
    private final WeightBlocks weights;
    private double[] squares = new double[1];

    VectorMuon(Parallel parallel, WeightBlocks weights) {
        this.parallel = parallel;
        this.weights = weights;
    }

    /** Moves the moment; x is the step block by block, each over its norm. */
    void moment(VectorUpdate.Momentum momentum, Tensor x) {
        BlockGrid grid = grid(x);
        MemorySegment to = x.segment();
        int cols = grid.blockCols();
        int perBlock = grid.tilesPerBlock();
        if (squares.length < grid.blocks() * perBlock) {
            squares = new double[grid.blocks() * perBlock];
        }
        double[] sums = squares;
        grid.tiles(parallel, (tile, block, row, count, col) -> {
            double sum = 0;
            for (int i = row; i < row + count; i++) {
                sum += move(momentum, (long) i * grid.cols() + col, to, grid.inBlocks(i, col), cols);
            }
            sums[tile] = sum;
        });
        grid.tiles(parallel, (tile, block, row, count, col) -> {
            double sum = 0;
            for (int i = block * perBlock; i < (block + 1) * perBlock; i++) {
                sum += sums[i];
            }
            float factor = 1 / ((float) Math.sqrt(sum) + UpdateKernels.NORM_EPSILON);
            for (int i = row; i < row + count; i++) {
                long at = grid.inBlocks(i, col);
                Rows.scale(to, at, to, at, cols, factor);
            }
        });
    }

    /** The sum of squares of one row's step. */
    private static float move(VectorUpdate.Momentum momentum, long from, MemorySegment to, long at, int count) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector u = momentum.move(from + i);
            Lanes.store(u, to, at + i);
            sum = u.fma(u, sum);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        FloatVector u = momentum.move(from + i, rest);
        Lanes.store(u, to, at + i, rest);
        return Lanes.sum(u.fma(u, sum));
    }

    /** {@code p = keep p - rate x}. */
    void step(Tensor p, Tensor x, float rate, float keep, Rounding rounding, long key) {
        BlockGrid grid = grid(x);
        MemorySegment from = x.segment();
        if (grid.across() == 1) {
            weights.update(p, rounding, key, (values, at, first, count) ->
                    VectorUpdate.step(values, at, from, first, rate, keep, count));
        } else {
            weights.update(p, rounding, key, (values, at, first, count) ->
                    grid.segments(first, count, (row, col, offset, length) ->
                            VectorUpdate.step(values, at + offset, from, grid.inBlocks(row, col), rate, keep, length)));
        }
    }

    /** The matrix that blocks (I, J, rows, cols) make up. */
    private static BlockGrid grid(Tensor x) {
        Shape blocks = x.shape();
        int down = (int) blocks.dim(0);
        int across = (int) blocks.dim(1);
        return new BlockGrid(down * (int) blocks.dim(2), across * (int) blocks.dim(3), down, across);
    }
}
