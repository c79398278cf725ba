package dev.smallbatch.model.data;

import dev.smallbatch.optim.train.BatchSource;
import java.util.Arrays;

/**
 * Validation data: the blocks of {@link RandomWindows}, in order, each once. The rows of the last batch that have no block any
 * more are token 0 with targets -1, so they do not count.
 */
public final class SequentialBlocks implements BatchSource {
    private final TokenShard shard;
    private final int batchSize;
    private final int sequenceLength;
    private final long blocks;

    /**
     * Batches of {@code batchSize} sequences.
     *
     * @throws IllegalArgumentException if the shard is shorter than one sequence and its targets, or a size is below 1
     */
    public SequentialBlocks(TokenShard shard, int batchSize, int sequenceLength) {
        this.shard = shard;
        this.batchSize = batchSize;
        this.sequenceLength = sequenceLength;
        this.blocks = Blocks.count(shard, batchSize, sequenceLength);
    }

    /** Number of sequences. */
    public long blocks() {
        return blocks;
    }

    /** Number of batches, the last one perhaps partly empty. */
    public long batches() {
        return Math.ceilDiv(blocks, (long) batchSize);
    }

    @Override
    public void fill(long step, int[] tokens, int[] targets) {
        if (step < 0 || step >= batches()) {
            throw new IllegalArgumentException("read " + shard.file() + ": batch " + step + " of " + batches());
        }
        for (int row = 0; row < batchSize; row++) {
            long block = step * batchSize + row;
            if (block < blocks) {
                Blocks.copy(shard, block, row, sequenceLength, tokens, targets);
            } else {
                int from = row * sequenceLength;
                Arrays.fill(tokens, from, from + sequenceLength, 0);
                Arrays.fill(targets, from, from + sequenceLength, -1);
            }
        }
    }
}
