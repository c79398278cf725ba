package dev.smallbatch.model.data;

/** Hears how far the preparation of a corpus is. */
@FunctionalInterface
public interface CorpusProgress {
    /**
     * Called often.
     *
     * @param stage what is being done, such as "encode text"; it changes from time to time
     * @param done  bytes of text, or merges, so far in this stage
     * @param total of these; the stage may end below it
     */
    void report(String stage, long done, long total);
}
