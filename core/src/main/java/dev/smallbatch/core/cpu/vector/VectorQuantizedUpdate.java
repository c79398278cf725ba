package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.DynamicMap;
import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.spi.QuantizedUpdateKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The updates of {@link VectorUpdate} with state in 8 bits, piece by piece: state is decoded into scratch memory of the thread
 * that the first-level cache holds, with the gradient beside it, updated there, and encoded again. Owns the scratch memory.
 */
final class VectorQuantizedUpdate implements QuantizedUpdateKernels, AutoCloseable {
    private static final int L = Lanes.COUNT;
    /** Elements of the smallest piece: some blocks, so that what it costs to begin one does not count. */
    private static final int PIECE = 1024;

    private final Parallel parallel;
    private final WeightBlocks weights;
    private final Region region;
    /** One after the other for each thread. */
    private final MemorySegment first;
    private final MemorySegment second;
    private final MemorySegment gradients;

    VectorQuantizedUpdate(Parallel parallel, WeightBlocks weights) {
        this.parallel = parallel;
        this.weights = weights;
        Shape room = Shape.of((long) parallel.threads() * Quantization.LARGEST_BLOCK);
        region = Region.create("decoded states", 3 * Region.bytesFor(DType.F32, room));
        first = region.allocate(DType.F32, room).segment();
        second = region.allocate(DType.F32, room).segment();
        gradients = region.allocate(DType.F32, room).segment();
    }

    @Override
    public void quantizedSgdStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how, Rounding rounding,
            long key) {
        update(p, State.of(m, mScale, DynamicMap.SIGNED, how, first), null, g, how, rounding, VectorUpdate.keyOfStep(key, s),
                VectorUpdate.sgd(first, gradients, s));
    }

    @Override
    public void quantizedSignStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how, Rounding rounding,
            long key) {
        update(p, State.of(m, mScale, DynamicMap.SIGNED, how, first), null, g, how, rounding, VectorUpdate.keyOfStep(key, s),
                VectorUpdate.sign(first, gradients, s));
    }

    @Override
    public void quantizedRootStep(Tensor p, Tensor v, Tensor vScale, Tensor g, Tensor s, Quantization how, Rounding rounding,
            long key) {
        update(p, State.of(v, vScale, DynamicMap.SIGNED, how, first), null, g, how, rounding, VectorUpdate.keyOfStep(key, s),
                VectorUpdate.root(first, gradients, s));
    }

    @Override
    public void quantizedAdamWStep(Tensor p, Tensor m, Tensor mScale, Tensor v, Tensor vScale, Tensor g, Tensor s,
            Quantization how, Rounding rounding, long key) {
        update(p, State.of(m, mScale, DynamicMap.SIGNED, how, first), State.of(v, vScale, DynamicMap.UNSIGNED, how, second), g,
                how, rounding, VectorUpdate.keyOfStep(key, s), VectorUpdate.adamW(first, second, gradients, s));
    }

    /** @param other null if there is one state alone */
    private void update(Tensor p, State one, State other, Tensor g, Quantization how, Rounding rounding, long key,
            WeightBlocks.Body body) {
        MemorySegment gradient = g.segment();
        int piece = Math.max(PIECE, how.block());
        long elements = p.numel();
        parallel.run(Math.toIntExact(Math.ceilDiv(elements, Chunks.SIZE)), (task, thread) -> {
            long end = Math.min(elements, (task + 1L) * Chunks.SIZE);
            long scratch = (long) thread * Quantization.LARGEST_BLOCK;
            for (long from = (long) task * Chunks.SIZE; from < end; from += piece) {
                int count = (int) Math.min(piece, end - from);
                one.decode(scratch, from, count);
                if (other != null) {
                    other.decode(scratch, from, count);
                }
                MemorySegment.copy(gradient, from << 2, gradients, scratch << 2, (long) count << 2);
                weights.update(p, rounding, key, from, count, thread, scratch, body);
                one.encode(scratch, from, count);
                if (other != null) {
                    other.encode(scratch, from, count);
                }
            }
        });
    }

    /** A state in memory, and where it is decoded. */
    private record State(MemorySegment codes, MemorySegment scales, DynamicCodes map, int block, MemorySegment values) {
        private static final DynamicCodes UNSIGNED = new DynamicCodes(DynamicMap.UNSIGNED, false);
        private static final DynamicCodes SIGNED = new DynamicCodes(DynamicMap.SIGNED, false);
        private static final DynamicCodes SIGN_PRESERVING = new DynamicCodes(DynamicMap.SIGNED, true);

        static State of(Tensor codes, Tensor scales, DynamicMap map, Quantization how, MemorySegment values) {
            DynamicCodes signed = how.preserveSign() ? SIGN_PRESERVING : SIGNED;
            return new State(codes.segment(), scales.segment(), map == DynamicMap.SIGNED ? signed : UNSIGNED, how.block(),
                    values);
        }

        /** Elements {@code from} and after, to {@code at} and after. */
        void decode(long at, long from, int count) {
            for (int i = 0; i < count; i += block) {
                float scale = scales.getAtIndex(ValueLayout.JAVA_FLOAT, (from + i) / block);
                map.decode(values, at + i, codes, from + i, Math.min(block, count - i), scale);
            }
        }

        void encode(long at, long from, int count) {
            for (int i = 0; i < count; i += block) {
                int length = Math.min(block, count - i);
                float scale = largest(values, at + i, length);
                scales.setAtIndex(ValueLayout.JAVA_FLOAT, (from + i) / block, scale);
                map.encode(codes, from + i, values, at + i, length, Math.max(scale, Quantization.SMALLEST_SCALE));
            }
        }
    }

    /** The largest magnitude; NaN if there is one, whose bits without sign are larger than those of any number. */
    private static float largest(MemorySegment x, long at, int count) {
        IntVector largest = FloatVector.zero(Lanes.SPECIES).reinterpretAsInts();
        int i = 0;
        for (; i + L <= count; i += L) {
            largest = largest.max(Lanes.load(x, at + i).reinterpretAsInts().and(Integer.MAX_VALUE));
        }
        if (i < count) {
            largest = largest.max(Lanes.load(x, at + i, Lanes.first(count - i)).reinterpretAsInts().and(Integer.MAX_VALUE));
        }
        return Float.intBitsToFloat(largest.reduceLanes(VectorOperators.MAX));
    }

    @Override
    public void close() {
        region.close();
    }
}
