package dev.smallbatch.model.data;

import dev.smallbatch.model.tokenizer.PairTable;
import dev.smallbatch.model.tokenizer.Tokenizer;

/**
 * How well counting does: what a trained model has to beat. All numbers are nats per token, natural logarithm.
 *
 * <p>The plain entropies describe the training tokens themselves: H(w) = -sum p(w) log p(w), and H(w | v) from the relative
 * frequencies of pairs; with a large vocabulary the second is far too good, because most pairs are rare. The cross entropies are
 * fair: frequencies of the training tokens, smoothed, judged on the validation tokens:
 *
 * <pre>
 * p(w)     = (c(w) + 1) / (n + V)                         add one
 * p(w | v) = (c(v, w) + u(v) p(w)) / (c(v) + u(v))        u(v): different tokens seen after v; p(w) if v was never seen
 * </pre>
 *
 * @param unigramEntropy      of the training tokens
 * @param bigramEntropy       of the training tokens, each given the one before
 * @param unigramCrossEntropy of the validation tokens but the first under p(w)
 * @param bigramCrossEntropy  of the validation tokens under p(w | v)
 * @param bytesPerToken       bytes of text per validation token; separators of documents have none
 * @see <a href="https://doi.org/10.1109/18.87000">Witten and Bell 1991, The zero-frequency problem (method C)</a>
 */
public record NGramEntropy(
        double unigramEntropy, double bigramEntropy, double unigramCrossEntropy, double bigramCrossEntropy,
        double bytesPerToken) {
    /** Tokens counted of each shard, about and at most: bounds memory to a few hundred megabytes. */
    public static final long MAX_TOKENS = 10_000_000;

    private static final int BLOCK = 1 << 14;

    /**
     * Counts and judges.
     *
     * @throws IllegalArgumentException if a shard has fewer than two tokens or the vocabularies differ
     */
    public static NGramEntropy of(TokenShard training, TokenShard validation, Tokenizer tokenizer) {
        int vocabulary = tokenizer.vocabularySize();
        if (training.size() < 2 || validation.size() < 2) {
            throw new IllegalArgumentException("n-gram entropy: " + training.size() + " and " + validation.size()
                    + " tokens; at least 2 for training and validation each");
        }
        if (training.vocabularySize() != vocabulary || validation.vocabularySize() != vocabulary) {
            throw new IllegalArgumentException("n-gram entropy: shards have vocabularies of " + training.vocabularySize()
                    + " and " + validation.vocabularySize() + " tokens, the tokenizer has " + vocabulary);
        }
        Counts counts = new Counts(vocabulary);
        forEachPair(training, counts::add);
        double[] sums = new double[2];
        long[] bytes = {0};
        long judged = forEachPair(validation, (left, right) -> {
            double unigram = counts.unigram(right);
            sums[0] -= Math.log(unigram);
            sums[1] -= Math.log(counts.bigram(left, right, unigram));
            bytes[0] += right == tokenizer.documentSeparator() ? 0 : tokenizer.tokenBytes(right).length;
        });
        return new NGramEntropy(counts.unigramEntropy(), counts.bigramEntropy(), sums[0] / judged, sums[1] / judged,
                (double) bytes[0] / judged);
    }

    /** Nats per token as nats per byte of validation text. */
    public double perByte(double natsPerToken) {
        return natsPerToken / bytesPerToken;
    }

    /** A token and the one before. */
    @FunctionalInterface
    private interface Pairs {
        void accept(int left, int right);
    }

    /** Visits all pairs of neighbours, or those in every n-th block of a shard that is too large for that; their number. */
    private static long forEachPair(TokenShard shard, Pairs pairs) {
        long size = shard.size();
        long stride = BLOCK * Math.ceilDiv(size, MAX_TOKENS);
        int[] block = new int[BLOCK + 1];
        long visited = 0;
        for (long from = 0; from < size - 1; from += stride) {
            int length = (int) Math.min(BLOCK, size - 1 - from);
            shard.copy(from, block, 0, length + 1);
            for (int i = 0; i < length; i++) {
                pairs.accept(block[i], block[i + 1]);
            }
            visited += length;
        }
        return visited;
    }

    /** Frequencies of all tokens but the first, and of pairs. */
    private static final class Counts {
        private final long[] right;
        private final long[] left;
        private final int[] followers;
        private final PairTable pairs = new PairTable();
        private long total;

        Counts(int vocabulary) {
            right = new long[vocabulary];
            left = new long[vocabulary];
            followers = new int[vocabulary];
        }

        void add(int v, int w) {
            right[w]++;
            left[v]++;
            total++;
            if (pairs.add(v, w, 1) == 1) {
                followers[v]++;
            }
        }

        double unigram(int w) {
            return (right[w] + 1.0) / (total + right.length);
        }

        double bigram(int v, int w, double unigram) {
            if (left[v] == 0) {
                return unigram;
            }
            int seen = Math.max(0, pairs.get(v, w));
            return (seen + followers[v] * unigram) / (left[v] + followers[v]);
        }

        double unigramEntropy() {
            double sum = 0;
            for (long count : right) {
                sum -= count == 0 ? 0 : count * Math.log((double) count / total);
            }
            return sum / total;
        }

        double bigramEntropy() {
            double[] sum = {0};
            pairs.forEach((v, w, count) -> sum[0] -= count * Math.log((double) count / left[v]));
            return sum[0] / total;
        }
    }
}
