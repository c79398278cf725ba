package dev.smallbatch.optim.train;

/** Training or validation data. */
@FunctionalInterface
public interface BatchSource {
    /**
     * Writes the sequences of a step, one after the other. A pure function of {@code step}, so that a resumed run sees
     * the same data.
     *
     * @param step 0 for the first
     * @param tokens written: batch size times sequence length ids
     * @param targets written: the id that follows each token, -1 where there is none to learn
     */
    void fill(long step, int[] tokens, int[] targets);
}
