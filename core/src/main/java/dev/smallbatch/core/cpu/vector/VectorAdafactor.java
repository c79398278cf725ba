package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Adafactor in passes over the gradient: one for the second moment, one for the size of the step where the moment is factored,
 * one for the step. Sums run over tiles that shapes alone cut, tile after tile.
 */
final class VectorAdafactor {
    private static final int L = Lanes.COUNT;
    /** Squares that are summed in float; sums of such runs are added in double. */
    private static final int RUN = 1024;
    /** Columns whose sums one task finishes. */
    private static final int STRIP = 256;

    private final Parallel parallel;
    private final Chunks chunks;
    private final WeightBlocks weights;
    private final VectorElementwise elementwise;
    private double[] sums = new double[1];
    private double[] blockMeans = new double[1];
    private float[] tileSums = new float[1];
    private float[] columnFactors = new float[1];

    VectorAdafactor(Parallel parallel, WeightBlocks weights, VectorElementwise elementwise) {
        this.parallel = parallel;
        this.chunks = new Chunks(parallel);
        this.weights = weights;
        this.elementwise = elementwise;
    }

    /** The numbers of an update. */
    private record Slots(float learningRate, float scale, float keepOfP, float keep, float take, float added, float leastRoot,
            float smallestScale, float largestStep) {
        Slots(Tensor s) {
            this(VectorUpdate.slot(s, UpdateKernels.LEARNING_RATE), VectorUpdate.slot(s, UpdateKernels.GRADIENT_SCALE),
                    1 - VectorUpdate.slot(s, UpdateKernels.DECAY), VectorUpdate.slot(s, UpdateKernels.KEEP),
                    VectorUpdate.slot(s, UpdateKernels.TAKE), VectorUpdate.slot(s, UpdateKernels.SQUARE_ADDED),
                    VectorUpdate.slot(s, UpdateKernels.LEAST_ROOT), VectorUpdate.slot(s, UpdateKernels.SMALLEST_SCALE),
                    VectorUpdate.slot(s, UpdateKernels.LARGEST_STEP));
        }

        float leastMoment() {
            return leastRoot * leastRoot;
        }

        /** One over the least root, but finite: 0 times it is 0. */
        float largestFactor() {
            return Math.min(1 / leastRoot, Float.MAX_VALUE);
        }

        /** Old and new mean of squares. */
        float moved(float old, float squares, int count) {
            return keep * old + take * (squares / count + added);
        }
    }

    void step(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        Slots slots = new Slots(s);
        MemorySegment gradients = g.segment();
        MemorySegment moments = v.segment();
        double[] partial = sums(chunks.count(p.numel()));
        chunks.run(p.numel(), (from, count) -> {
            double sum = 0;
            for (int at = 0; at < count; at += RUN) {
                sum += move(moments, gradients, from + at, Math.min(RUN, count - at), slots);
            }
            partial[(int) (from / Chunks.SIZE)] = sum;
        });
        float rate = rate(p, partial, chunks.count(p.numel()), slots);
        weights.update(p, rounding, key, (values, at, from, count) ->
                step(values, at, moments, gradients, from, rate, slots, count));
    }

    /** Moves the second moment; the sum of squares of {@code h / max(sqrt(v), leastRoot)}. */
    private static float move(MemorySegment v, MemorySegment g, long from, int count, Slots slots) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector h = Lanes.load(g, from + i).mul(slots.scale);
            FloatVector square = h.mul(h);
            FloatVector fresh = square.add(slots.added).mul(slots.take);
            FloatVector moment = Lanes.load(v, from + i).fma(Lanes.all(slots.keep), fresh);
            Lanes.store(moment, v, from + i);
            sum = sum.add(square.div(moment.max(slots.leastMoment())));
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        FloatVector h = Lanes.load(g, from + i, rest).mul(slots.scale);
        FloatVector square = h.mul(h);
        FloatVector fresh = square.add(slots.added).mul(slots.take);
        FloatVector moment = Lanes.load(v, from + i, rest).fma(Lanes.all(slots.keep), fresh);
        Lanes.store(moment, v, from + i, rest);
        return Lanes.sum(sum.add(square.div(moment.max(slots.leastMoment())), rest));
    }

    /** {@code p = keep p - rate g / max(sqrt(v), leastRoot)}. */
    private static void step(MemorySegment p, long at, MemorySegment v, MemorySegment g, long from, float rate, Slots slots,
            int count) {
        float keep = slots.keepOfP;
        float least = slots.leastRoot;
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector u = Lanes.load(g, from + i).mul(-rate).div(Lanes.load(v, from + i).sqrt().max(least));
            Lanes.store(Lanes.load(p, at + i).fma(Lanes.all(keep), u), p, at + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            FloatVector u = Lanes.load(g, from + i, rest).mul(-rate).div(Lanes.load(v, from + i, rest).sqrt().max(least));
            Lanes.store(Lanes.load(p, at + i, rest).fma(Lanes.all(keep), u), p, at + i, rest);
        }
    }

    /** The factor of {@code g / sqrt(v)} in the step, whose squares the partial sums add up to. */
    private float rate(Tensor p, double[] partial, int count, Slots slots) {
        double sizeOfU = Math.sqrt(sum(partial, 0, count) / p.numel());
        double sizeOfP = Math.max(slots.smallestScale, Math.sqrt(elementwise.sumOfSquares(p) / p.numel()));
        return (float) (slots.learningRate * slots.scale * sizeOfP / Math.max(1, sizeOfU / slots.largestStep));
    }

    void factoredStep(Tensor p, Tensor r, Tensor c, Tensor g, Tensor s, Rounding rounding, long key) {
        Slots slots = new Slots(s);
        BlockGrid grid = new BlockGrid((int) p.shape().rows(), (int) p.shape().cols(), (int) c.shape().rows(),
                (int) r.shape().cols());
        MemorySegment gradients = g.segment();
        MemorySegment rowMeans = r.segment();
        moveMeans(grid, rowMeans, c.segment(), gradients, slots);
        double[] means = blockMeans;
        float[] columns = columnFactors;
        int tiles = grid.blocks() * grid.tilesPerBlock();
        double[] partial = sums(tiles);
        grid.tiles(parallel, (tile, block, row, count, col) -> {
            double sum = 0;
            int factors = block / grid.across() * grid.cols() + col;
            for (int i = row; i < row + count; i++) {
                long from = (long) i * grid.cols() + col;
                float rowFactor = rowFactor(means[block], rowMeans, (long) i * grid.across() + block % grid.across());
                sum += squares(gradients, from, columns, factors, rowFactor, slots, grid.blockCols());
            }
            partial[tile] = sum;
        });
        float rate = rate(p, partial, tiles, slots);
        weights.update(p, rounding, key, (values, at, from, length) -> grid.segments(from, length, (row, col, offset, count) -> {
            int block = row / grid.blockRows() * grid.across() + col / grid.blockCols();
            float rowFactor = rowFactor(means[block], rowMeans, (long) row * grid.across() + col / grid.blockCols());
            step(values, at + offset, gradients, from + offset, columns, row / grid.blockRows() * grid.cols() + col, rowFactor,
                    rate, slots, count);
        }));
    }

    /** Finite, since lanes beyond a row's end multiply 0 by it. */
    private static float rowFactor(double mean, MemorySegment rowMeans, long at) {
        return (float) Math.min(Math.sqrt(mean / floatAt(rowMeans, at)), Float.MAX_VALUE);
    }

    private static float floatAt(MemorySegment x, long i) {
        return x.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }

    /** New means of rows and columns, means of the former over blocks, and one over the roots of the latter. */
    private void moveMeans(BlockGrid grid, MemorySegment r, MemorySegment c, MemorySegment g, Slots slots) {
        int cols = grid.blockCols();
        int perBlock = grid.tilesPerBlock();
        float[] squaresOfTiles = tileSums = atLeast(tileSums, grid.blocks() * perBlock * cols);
        double[] means = sums(grid.blocks() * perBlock);
        grid.tiles(parallel, (tile, block, row, count, col) -> {
            Arrays.fill(squaresOfTiles, tile * cols, (tile + 1) * cols, 0);
            double sum = 0;
            for (int i = row; i < row + count; i++) {
                float squares = addSquares(squaresOfTiles, tile * cols, g, (long) i * grid.cols() + col, slots.scale, cols);
                long at = (long) i * grid.across() + block % grid.across();
                float mean = slots.moved(floatAt(r, at), squares, cols);
                r.setAtIndex(ValueLayout.JAVA_FLOAT, at, mean);
                sum += mean;
            }
            means[tile] = sum;
        });
        blockMeans = blockMeans.length < grid.blocks() ? new double[grid.blocks()] : blockMeans;
        for (int block = 0; block < grid.blocks(); block++) {
            blockMeans[block] = Math.max(sum(means, block * perBlock, perBlock) / grid.blockRows(), slots.leastRoot);
        }
        float[] factors = columnFactors = atLeast(columnFactors, grid.down() * grid.cols());
        int strips = (cols + STRIP - 1) / STRIP;
        parallel.run(grid.blocks() * strips, (task, thread) -> {
            int block = task / strips;
            int from = task % strips * STRIP;
            int count = Math.min(STRIP, cols - from);
            int to = block / grid.across() * grid.cols() + block % grid.across() * cols + from;
            Arrays.fill(factors, to, to + count, 0);
            for (int tile = block * perBlock; tile < (block + 1) * perBlock; tile++) {
                for (int i = 0; i < count; i++) {
                    factors[to + i] += squaresOfTiles[tile * cols + from + i];
                }
            }
            for (int i = to; i < to + count; i++) {
                float mean = slots.moved(floatAt(c, i), factors[i], grid.blockRows());
                c.setAtIndex(ValueLayout.JAVA_FLOAT, i, mean);
                factors[i] = (float) (1 / Math.sqrt(mean));
            }
        });
    }

    /** Adds the squares of one row to the sums of columns and returns their sum. */
    static float addSquares(float[] columns, int at, MemorySegment g, long from, float scale, int count) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector h = Lanes.load(g, from + i).mul(scale);
            FloatVector square = h.mul(h);
            FloatVector.fromArray(Lanes.SPECIES, columns, at + i).add(square).intoArray(columns, at + i);
            sum = sum.add(square);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        FloatVector h = Lanes.load(g, from + i, rest).mul(scale);
        FloatVector square = h.mul(h);
        FloatVector.fromArray(Lanes.SPECIES, columns, at + i, rest).add(square).intoArray(columns, at + i, rest);
        return Lanes.sum(sum.add(square));
    }

    /** The sum of {@code (h min(rowFactor factor, largestFactor))^2} over a part of a row. */
    private static float squares(MemorySegment g, long from, float[] factors, int at, float rowFactor, Slots slots, int count) {
        float largest = slots.largestFactor();
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector factor = FloatVector.fromArray(Lanes.SPECIES, factors, at + i).mul(rowFactor).min(largest);
            FloatVector u = Lanes.load(g, from + i).mul(slots.scale).mul(factor);
            sum = u.fma(u, sum);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        FloatVector factor = FloatVector.fromArray(Lanes.SPECIES, factors, at + i, rest).mul(rowFactor).min(largest);
        FloatVector u = Lanes.load(g, from + i, rest).mul(slots.scale).mul(factor);
        return Lanes.sum(u.fma(u, sum));
    }

    /** {@code p = keep p - rate g min(rowFactor factor, largestFactor)} over a part of a row. */
    private static void step(MemorySegment p, long at, MemorySegment g, long from, float[] factors, int factorsAt,
            float rowFactor, float rate, Slots slots, int count) {
        float largest = slots.largestFactor();
        float keep = slots.keepOfP;
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector factor = FloatVector.fromArray(Lanes.SPECIES, factors, factorsAt + i).mul(rowFactor).min(largest);
            FloatVector u = Lanes.load(g, from + i).mul(-rate).mul(factor);
            Lanes.store(Lanes.load(p, at + i).fma(Lanes.all(keep), u), p, at + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            FloatVector factor = FloatVector.fromArray(Lanes.SPECIES, factors, factorsAt + i, rest).mul(rowFactor).min(largest);
            FloatVector u = Lanes.load(g, from + i, rest).mul(-rate).mul(factor);
            Lanes.store(Lanes.load(p, at + i, rest).fma(Lanes.all(keep), u), p, at + i, rest);
        }
    }

    private static double sum(double[] x, int from, int count) {
        double sum = 0;
        for (int i = from; i < from + count; i++) {
            sum += x[i];
        }
        return sum;
    }

    private double[] sums(int count) {
        if (sums.length < count) {
            sums = new double[count];
        }
        return sums;
    }

    private static float[] atLeast(float[] array, int length) {
        return array.length < length ? new float[length] : array;
    }
}
