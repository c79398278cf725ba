package dev.smallbatch.model.data;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.optim.train.BatchSource;
import java.util.Objects;

/**
 * Training data in random order, without state: sequence i of the run is a function of (seed, i).
 *
 * <p>A shard of n tokens is cut into floor((n - 1) / T) blocks of T tokens; the target of each token is the one after it, so a
 * block reads one token of the next. Every epoch visits every block once, in an order of its own. Step s has sequences s B to
 * s B + B - 1, hence the order does not depend on the batch size; a batch may reach into the next epoch. The at most T last
 * tokens that fill no block are never seen.
 */
public final class RandomWindows implements BatchSource {
    private final TokenShard shard;
    private final int batchSize;
    private final int sequenceLength;
    private final RandomKey key;
    private final long blocks;

    /**
     * The order of one run.
     *
     * @throws IllegalArgumentException if the shard is shorter than one sequence and its targets, or a size is below 1
     */
    public RandomWindows(TokenShard shard, int batchSize, int sequenceLength, long seed) {
        this.shard = shard;
        this.batchSize = batchSize;
        this.sequenceLength = sequenceLength;
        this.blocks = Blocks.count(shard, batchSize, sequenceLength);
        this.key = RandomKey.of(seed).fork("data.order");
    }

    /** Sequences of one epoch. */
    public long blocks() {
        return blocks;
    }

    @Override
    public void fill(long step, int[] tokens, int[] targets) {
        long first = Math.multiplyExact(Objects.checkIndex(step, Long.MAX_VALUE), (long) batchSize);
        for (int row = 0; row < batchSize; row++) {
            long sequence = first + row;
            KeyedPermutation order = new KeyedPermutation(key.at(sequence / blocks), blocks);
            Blocks.copy(shard, order.at(sequence % blocks), row, sequenceLength, tokens, targets);
        }
    }
}
