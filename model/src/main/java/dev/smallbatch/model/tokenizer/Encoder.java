package dev.smallbatch.model.tokenizer;

/** Encodes texts of one vocabulary; may remember words it has met. Used by one thread at a time. */
@FunctionalInterface
public interface Encoder {
    /**
     * Appends the ids of the bytes {@code [from, to)} of {@code utf8} to {@code out}. Bytes that are not UTF-8 are encoded
     * too, losslessly. A long text may be given in parts: cut before white space that follows something else, they have the
     * ids of the whole.
     */
    void encode(byte[] utf8, int from, int to, TokenBuffer out);
}
