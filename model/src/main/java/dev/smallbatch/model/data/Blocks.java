package dev.smallbatch.model.data;

/** A shard as consecutive blocks of T tokens, each token with the next one as its target. */
final class Blocks {
    private Blocks() {}

    /** The number of whole blocks: floor((n - 1) / T). */
    static long count(TokenShard shard, int batchSize, int sequenceLength) {
        if (batchSize < 1 || sequenceLength < 1) {
            throw new IllegalArgumentException("read " + shard.file() + ": " + batchSize + " sequences of " + sequenceLength
                    + " tokens; at least 1 of 1");
        }
        if (shard.size() <= sequenceLength) {
            String remedy = shard.size() < 2 ? "give more text"
                    : "give more text or lower --seq-len to at most " + (shard.size() - 1);
            throw new IllegalArgumentException("read " + shard.file() + ": " + shard.size() + " tokens, one sequence of "
                    + sequenceLength + " and its targets need " + (sequenceLength + 1L) + "; " + remedy);
        }
        return (shard.size() - 1) / sequenceLength;
    }

    /** Writes a block and its targets to a row of a batch. */
    static void copy(TokenShard shard, long block, int row, int sequenceLength, int[] tokens, int[] targets) {
        long start = block * sequenceLength;
        int offset = row * sequenceLength;
        shard.copy(start, tokens, offset, sequenceLength);
        shard.copy(start + 1, targets, offset, sequenceLength);
    }
}
