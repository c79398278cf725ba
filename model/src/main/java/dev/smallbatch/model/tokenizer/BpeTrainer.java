package dev.smallbatch.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Learns a byte-level BPE vocabulary: texts are split into GPT-2's words, which are counted; then, again and again, the most
 * frequent adjacent pair becomes a token. Of equally frequent pairs the greater one wins, comparing the left tokens' bytes,
 * then the right ones', unsigned. The result depends on the words and their counts alone.
 *
 * <p>Ids of the result: 0 is {@link Tokenizer#END_OF_TEXT}, then the 256 bytes, then the merges. In the texts that marker
 * ends a document and is not learned. Words above 4 KiB are counted in parts of that size. One thread.
 */
public final class BpeTrainer {
    /** The smallest vocabulary: end-of-text and the bytes, no merge. */
    public static final int MIN_VOCABULARY = BpeTokenizer.BYTES + 1;

    /** A pair seen once joins nothing but that one place. */
    static final int MIN_COUNT = 2;

    private static final int LONGEST_WORD = 4096;

    private final WordIndex words = new WordIndex();
    private long[] counts = new long[256];
    private long bytes;

    /** A trainer that has seen no text. */
    public BpeTrainer() {}

    /**
     * A trained vocabulary.
     *
     * @param requestedVocabulary what was asked for; the tokenizer has less if the text ran out of repeated pairs
     * @param textBytes           bytes of text counted
     * @param distinctWords       different words among them
     */
    public record Result(BpeTokenizer tokenizer, int requestedVocabulary, long textBytes, int distinctWords) {
        /** Whether the vocabulary has the size asked for. */
        public boolean complete() {
            return tokenizer.vocabularySize() == requestedVocabulary;
        }

        /** One line for a log: size, text, and why it is smaller than asked for, if it is. */
        public String summary() {
            String size = "vocabulary " + tokenizer.vocabularySize() + " from " + textBytes + " bytes, " + distinctWords
                    + " distinct words";
            return complete() ? size : size + "; " + requestedVocabulary + " were asked for, but no pair of tokens is left "
                    + "that occurs twice: give more text or a smaller --vocab-size";
        }
    }

    /** Counts the words of a text. */
    public void add(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        add(utf8, 0, utf8.length);
    }

    /** Counts the words of the bytes {@code [from, to)}: a document, or a part cut where no word can cross. */
    public void add(byte[] utf8, int from, int to) {
        int start = from;
        while (start < to) {
            int marker = EndOfTextMarker.find(utf8, start, to);
            countWords(utf8, start, marker < 0 ? to : marker);
            start = marker < 0 ? to : marker + EndOfTextMarker.LENGTH;
        }
        bytes += to - from;
    }

    private void countWords(byte[] utf8, int from, int to) {
        int start = from;
        while (start < to) {
            int end = Math.min(PreTokenizer.wordEnd(utf8, start, to), start + LONGEST_WORD);
            int word = words.add(utf8, start, end);
            if (word == counts.length) {
                counts = Arrays.copyOf(counts, 2 * word);
            }
            counts[word]++;
            start = end;
        }
    }

    /**
     * Learns merges from everything added so far.
     *
     * @param vocabularySize tokens wanted, at least {@link #MIN_VOCABULARY}
     * @param mergesDone     called after each merge with the number of merges so far
     * @throws IllegalArgumentException if the vocabulary is smaller than its bytes
     */
    public Result train(int vocabularySize, LongConsumer mergesDone) {
        if (vocabularySize < MIN_VOCABULARY) {
            throw new IllegalArgumentException("train vocabulary: size " + vocabularySize + " is below " + MIN_VOCABULARY
                    + " (256 bytes and the end-of-text token); raise --vocab-size or use --tokenizer byte");
        }
        int merges = vocabularySize - MIN_VOCABULARY;
        MergeLearner learner = new MergeLearner(words, counts, merges);
        while (learner.merges() < merges && learner.mergeNext()) {
            mergesDone.accept(learner.merges());
        }
        BpeTokenizer tokenizer =
                new BpeTokenizer(Map.of(Tokenizer.END_OF_TEXT, 0), learner.leftPieces(), learner.rightPieces());
        return new Result(tokenizer, vocabularySize, bytes, words.size());
    }
}
