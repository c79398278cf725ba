package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.EmbeddingKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.VectorMask;

/** Table look-ups. */
final class VectorEmbedding implements EmbeddingKernels {
    private static final int L = Lanes.COUNT;
    /** Channels of a backward task: whole cache lines, so that no two threads write one. */
    private static final int CHANNELS = 64;

    private final Parallel parallel;

    VectorEmbedding(Parallel parallel) {
        this.parallel = parallel;
    }

    @Override
    public void embed(Tensor out, Tensor tokens, Tensor table, Tensor positions) {
        requireTokens(tokens, table.shape().dim(0));
        int channels = (int) out.shape().cols();
        int time = (int) tokens.shape().dim(1);
        MemorySegment o = out.segment();
        MemorySegment ids = tokens.segment();
        parallel.run((int) tokens.numel(), (row, thread) -> {
            long token = ids.getAtIndex(ValueLayout.JAVA_INT, row);
            long target = (long) row * channels;
            put(o, target, table, token * channels, channels);
            if (positions != null) {
                add(o, target, positions, (long) (row % time) * channels, channels);
            }
        });
    }

    @Override
    public void embedBackward(Tensor dtable, Tensor dpositions, Tensor dout, Tensor tokens) {
        requireTokens(tokens, dtable.shape().dim(0));
        int channels = (int) dout.shape().cols();
        int time = (int) tokens.shape().dim(1);
        MemorySegment d = dout.segment();
        MemorySegment ids = tokens.segment();
        MemorySegment to = dtable.segment();
        parallel.run((channels + CHANNELS - 1) / CHANNELS, (task, thread) -> {
            int first = task * CHANNELS;
            int count = Math.min(CHANNELS, channels - first);
            for (int row = 0; row < tokens.numel(); row++) {
                long source = (long) row * channels + first;
                long entry = (long) ids.getAtIndex(ValueLayout.JAVA_INT, row) * channels + first;
                sum(to, entry, to, entry, d, source, count);
                if (dpositions != null) {
                    long position = (long) (row % time) * channels + first;
                    sum(dpositions.segment(), position, dpositions.segment(), position, d, source, count);
                }
            }
        });
    }

    private static void put(MemorySegment out, long outAt, Tensor weights, long at, int count) {
        if (weights.dtype() == DType.BF16) {
            Bf16.widen(out, outAt, weights.segment(), at, count);
        } else {
            MemorySegment.copy(weights.segment(), at << 2, out, outAt << 2, (long) count << 2);
        }
    }

    private static void add(MemorySegment out, long outAt, Tensor weights, long at, int count) {
        if (weights.dtype() == DType.BF16) {
            Bf16.add(out, outAt, weights.segment(), at, count);
        } else {
            sum(out, outAt, out, outAt, weights.segment(), at, count);
        }
    }

    private static void sum(MemorySegment out, long outAt, MemorySegment a, long aAt, MemorySegment b, long bAt, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(Lanes.load(a, aAt + i).add(Lanes.load(b, bAt + i)), out, outAt + i);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        Lanes.store(Lanes.load(a, aAt + i, rest).add(Lanes.load(b, bAt + i, rest)), out, outAt + i, rest);
    }

    private static void requireTokens(Tensor tokens, long vocabulary) {
        MemorySegment ids = tokens.segment();
        for (long i = 0; i < tokens.numel(); i++) {
            int token = ids.getAtIndex(ValueLayout.JAVA_INT, i);
            if (token < 0 || token >= vocabulary) {
                throw new IllegalArgumentException("embed: token " + token + " at position " + i + " is outside the table of "
                        + vocabulary + " rows; ids must be from 0 to " + (vocabulary - 1));
            }
        }
    }
}
