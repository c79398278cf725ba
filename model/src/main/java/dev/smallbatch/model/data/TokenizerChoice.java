package dev.smallbatch.model.data;

import dev.smallbatch.model.tokenizer.BpeTrainer;
import dev.smallbatch.model.tokenizer.Tokenizer;

/** Which vocabulary a corpus is encoded with. */
public sealed interface TokenizerChoice {
    /** A vocabulary that exists: bytes, or loaded. */
    record Existing(Tokenizer tokenizer) implements TokenizerChoice {}

    /**
     * Byte-pair encoding learned from the corpus itself, validation part included.
     *
     * @param vocabularySize tokens wanted; there are fewer if the text is too small
     * @param maxBytes       learn from about this much text at most, taken evenly from all of it
     */
    record TrainBpe(int vocabularySize, long maxBytes) implements TokenizerChoice {
        private static final long DEFAULT_MAX_BYTES = 256L << 20;

        /**
         * Checks the sizes before any text is read.
         *
         * @throws IllegalArgumentException if the vocabulary is too small or there is to be no text
         */
        public TrainBpe {
            if (vocabularySize < BpeTrainer.MIN_VOCABULARY || maxBytes < 1) {
                throw new IllegalArgumentException("prepare corpus: a vocabulary of " + vocabularySize + " from at most "
                        + maxBytes + " bytes; at least " + BpeTrainer.MIN_VOCABULARY
                        + " (256 bytes and end-of-text) from 1 byte: raise --vocab-size or use --tokenizer byte");
            }
        }

        /** Learns from up to 256 MiB. */
        public TrainBpe(int vocabularySize) {
            this(vocabularySize, DEFAULT_MAX_BYTES);
        }
    }
}
