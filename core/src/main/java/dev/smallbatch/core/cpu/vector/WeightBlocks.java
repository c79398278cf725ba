package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Lets loops over F32 memory work on BF16 tensors: block by block, a block is widened into scratch memory of the thread that
 * the first-level cache holds, worked on there, and rounded back. Owns the scratch memory.
 */
final class WeightBlocks implements AutoCloseable {
    /** Elements of a block; a multiple of {@link RoundingNoise#TILE}, a divisor of {@link Chunks#SIZE}. */
    private static final int BLOCK = 1024;

    private final Parallel parallel;
    private final Chunks chunks;
    private final Region region;
    private final MemorySegment[] values;
    private final int[][] noise;
    private final int[] half = new int[BLOCK];

    /** Works on elements {@code from} to {@code from + count - 1}, which are those at {@code at} and after of {@code values}. */
    @FunctionalInterface
    interface Body {
        void run(MemorySegment values, long at, long from, int count);
    }

    WeightBlocks(Parallel parallel) {
        this.parallel = parallel;
        this.chunks = new Chunks(parallel);
        int threads = parallel.threads();
        Shape block = Shape.of(BLOCK);
        region = Region.create("bf16 blocks", threads * Region.bytesFor(DType.F32, block));
        values = new MemorySegment[threads];
        noise = new int[threads][BLOCK];
        for (int thread = 0; thread < threads; thread++) {
            values[thread] = region.allocate(DType.F32, block).segment();
        }
        Arrays.fill(half, Bf16.HALF);
    }

    /** Reads every element of an F32 or BF16 tensor. */
    void read(Tensor x, Body body) {
        MemorySegment segment = x.segment();
        if (x.dtype() == DType.F32) {
            chunks.run(x.numel(), (from, count) -> body.run(segment, from, from, count));
            return;
        }
        blocks(x.numel(), (from, count, thread) -> {
            Bf16.widen(values[thread], 0, segment, from, count);
            body.run(values[thread], 0, from, count);
        });
    }

    /** Changes every element of an F32 or BF16 tensor; {@code key} is that of this very call. */
    void update(Tensor p, Rounding rounding, long key, Body body) {
        if (p.dtype() == DType.F32) {
            read(p, body);
            return;
        }
        blocks(p.numel(), (from, count, thread) -> update(p, rounding, key, from, count, thread, from, body));
    }

    /**
     * As the other, but only elements {@code first} to {@code first + count - 1}, and by the calling thread, which is told that
     * they are elements {@code as} and after.
     */
    void update(Tensor p, Rounding rounding, long key, long first, int count, int thread, long as, Body body) {
        MemorySegment segment = p.segment();
        if (p.dtype() == DType.F32) {
            body.run(segment, first, as, count);
            return;
        }
        for (int done = 0; done < count; done += BLOCK) {
            int length = Math.min(BLOCK, count - done);
            Bf16.widen(values[thread], 0, segment, first + done, length);
            body.run(values[thread], 0, as + done, length);
            round(segment, first + done, values[thread], 0, length, rounding, key, thread);
        }
    }

    /** {@code out[i] = in[i]}, F32 to BF16. */
    void round(Tensor out, Tensor in, Rounding rounding, long key) {
        MemorySegment to = out.segment();
        MemorySegment from = in.segment();
        blocks(out.numel(), (at, count, thread) -> round(to, at, from, at, count, rounding, key, thread));
    }

    private void round(MemorySegment to, long toAt, MemorySegment from, long at, int count, Rounding rounding, long key,
            int thread) {
        if (rounding == Rounding.STOCHASTIC) {
            RoundingNoise.fill(noise[thread], key, toAt, count);
            Bf16.round(to, toAt, from, at, count, noise[thread], 0);
        } else {
            Bf16.round(to, toAt, from, at, count, half, 1);
        }
    }

    /** Elements {@code from} to {@code from + count - 1}, in the memory of one thread. */
    @FunctionalInterface
    private interface Block {
        void run(long from, int count, int thread);
    }

    private void blocks(long elements, Block block) {
        parallel.run(chunks.count(elements), (task, thread) -> {
            long end = Math.min(elements, (task + 1L) * Chunks.SIZE);
            for (long from = (long) task * Chunks.SIZE; from < end; from += BLOCK) {
                block.run(from, (int) Math.min(BLOCK, end - from), thread);
            }
        });
    }

    @Override
    public void close() {
        region.close();
    }
}
