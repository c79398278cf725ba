package dev.smallbatch.bench.experiments;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.optim.train.BatchSource;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A stream of tokens cut into blocks of T, which may span documents. Within a block each token's target is the next one; the
 * last has none, so a block has T - 1 loss terms. Training and validation blocks are disjoint, and each is seen once. Any
 * thread.
 */
final class TextBlocks {
    private final Stream stream;
    private final int length;
    private final int trainingBlocks;
    private final int validationBlocks;
    private final boolean scattered;

    /**
     * Where tokens come from.
     *
     * @param size number of tokens
     * @param tokens copies some
     */
    record Stream(long size, Copy tokens) {}

    /** Copies ids from a position on. */
    interface Copy {
        void copy(long from, int[] into, int offset, int length);
    }

    /**
     * Cuts a stream.
     *
     * @param scattered whether blocks are a fixed random choice from the whole stream, in an order by seed; else they are the
     *     first of the stream, whose groups, not blocks, are permuted by seed, the last ones being for validation
     */
    TextBlocks(Stream stream, int length, int trainingBlocks, int validationBlocks, boolean scattered) {
        long wanted = ((long) trainingBlocks + validationBlocks) * length;
        if (stream.size() < wanted) {
            throw new IllegalArgumentException("experiment: the text has " + stream.size() + " tokens, " + trainingBlocks + " + "
                    + validationBlocks + " blocks of " + length + " need " + wanted + "; give more text with --data");
        }
        this.stream = stream;
        this.length = length;
        this.trainingBlocks = trainingBlocks;
        this.validationBlocks = validationBlocks;
        this.scattered = scattered;
    }

    int trainingBlocks() {
        return trainingBlocks;
    }

    int validationBlocks() {
        return validationBlocks;
    }

    /** The batches of an epoch; the order depends on the seed, and what a batch is made of on {@code group}. */
    BatchSource training(int batch, int group, long seed) {
        return source(batch, Arrays.copyOf(order(group, seed), trainingBlocks));
    }

    /** The batches of validation. */
    BatchSource validation(int batch, int group, long seed) {
        int[] order = order(group, seed);
        return source(batch, Arrays.copyOfRange(order, order.length - validationBlocks, order.length));
    }

    /** Training blocks, then validation blocks. */
    private int[] order(int group, long seed) {
        if (!scattered) {
            int groups = (trainingBlocks + validationBlocks) / group;
            int[] order = permutation(groups, RandomKey.of(seed).fork("order"));
            return Arrays.stream(order).flatMap(g -> IntStream.range(g * group, (g + 1) * group)).toArray();
        }
        int[] all = permutation(Math.toIntExact(stream.size() / length), RandomKey.of(0).fork("blocks"));
        int[] within = permutation(trainingBlocks, RandomKey.of(seed).fork("order"));
        int[] order = new int[trainingBlocks + validationBlocks];
        for (int i = 0; i < trainingBlocks; i++) {
            order[i] = all[within[i]];
        }
        System.arraycopy(all, trainingBlocks, order, trainingBlocks, validationBlocks);
        return order;
    }

    private static int[] permutation(int size, RandomKey key) {
        int[] values = new int[size];
        for (int i = 0; i < size; i++) {
            int other = (int) (key.uniform(i) * (i + 1));
            values[i] = values[other];
            values[other] = i;
        }
        return values;
    }

    private BatchSource source(int batch, int[] order) {
        return (step, tokens, targets) -> {
            for (int row = 0; row < batch; row++) {
                int at = row * length;
                stream.tokens().copy((long) order[Math.toIntExact(step * batch + row)] * length, tokens, at, length);
                System.arraycopy(tokens, at + 1, targets, at, length - 1);
                targets[at + length - 1] = -1;
            }
        };
    }
}
