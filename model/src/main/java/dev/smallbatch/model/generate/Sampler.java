package dev.smallbatch.model.generate;

import dev.smallbatch.core.rand.RandomKey;
import java.util.Arrays;

/**
 * Chooses the next token from logits: of the {@code topK} most likely tokens, the fewest that hold {@code topP} of their
 * probability, at random in proportion to {@code exp(logit / temperature)}. The random number of a choice depends on the
 * seed and the choice's index alone, so the same seed gives the same text. Keeps scratch arrays: one thread at a time.
 */
public final class Sampler {
    private final double temperature;
    private final int topK;
    private final double topP;
    private final RandomKey key;
    private double[] weights = new double[0];
    private long[] ranked = new long[0];

    /**
     * @param temperature 0 for the most likely token always, 1 for the model's own probabilities; finite, at least 0
     * @param topK number of most likely tokens to choose from; 0 for all
     * @param topP probability they must hold together, in (0, 1]; 1 for all
     * @param seed of the random numbers
     */
    public Sampler(double temperature, int topK, double topP, long seed) {
        if (!(temperature >= 0 && temperature <= Double.MAX_VALUE)) {
            throw new IllegalArgumentException("sampler: temperature " + temperature + ", must be finite and at least 0");
        }
        if (topK < 0) {
            throw new IllegalArgumentException("sampler: top-k " + topK + ", must be at least 0; 0 means all tokens");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("sampler: top-p " + topP + ", must be above 0 and at most 1");
        }
        this.temperature = temperature;
        this.topK = topK;
        this.topP = topP;
        this.key = RandomKey.of(seed).fork("sample");
    }

    /** Always the most likely token. */
    public static Sampler greedy() {
        return new Sampler(0, 0, 1, 0);
    }

    /**
     * A token id.
     *
     * @param logits one for each token of the vocabulary; not changed
     * @param index of the choice, for example the number of tokens generated before it
     * @throws IllegalStateException if the largest logit is not finite
     */
    public int sample(float[] logits, long index) {
        int best = mostLikely(logits);
        if (temperature == 0) {
            return best;
        }
        weigh(logits, logits[best]);
        boolean all = topK == 0 && topP == 1;
        rank(logits, !all);
        int kept = topK == 0 ? logits.length : Math.min(topK, logits.length);
        double total = sum(kept);
        if (topP < 1) {
            kept = fewest(kept, topP * total);
            total = sum(kept);
        }
        return pick(kept, total, index);
    }

    private static int mostLikely(float[] logits) {
        int best = 0;
        for (int i = 0; i < logits.length; i++) {
            if (Float.isNaN(logits[i])) {
                throw new IllegalStateException("sampler: the logit of token " + i + " is NaN; the model has diverged");
            }
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        if (Float.isInfinite(logits[best])) {
            throw new IllegalStateException("sampler: the largest logit is " + logits[best] + "; the model has diverged");
        }
        return best;
    }

    private void weigh(float[] logits, float largest) {
        if (weights.length < logits.length) {
            weights = new double[logits.length];
        }
        for (int i = 0; i < logits.length; i++) {
            weights[i] = Math.exp(((double) logits[i] - largest) / temperature);
        }
    }

    /**
     * Puts the tokens in an order: that of their ids, or by falling logit and then by rising id, in one sort of primitives
     * whose upper half falls as the logit rises.
     */
    private void rank(float[] logits, boolean sorted) {
        if (ranked.length != logits.length) {
            ranked = new long[logits.length];
        }
        for (int i = 0; i < logits.length; i++) {
            int bits = Float.floatToIntBits(logits[i]);
            int rising = bits ^ (bits >> 31 & Integer.MAX_VALUE);
            ranked[i] = sorted ? (long) ~rising << 32 | i : i;
        }
        if (sorted) {
            Arrays.sort(ranked);
        }
    }

    private int token(int rank) {
        return (int) ranked[rank];
    }

    private double sum(int count) {
        double sum = 0;
        for (int rank = 0; rank < count; rank++) {
            sum += weights[token(rank)];
        }
        return sum;
    }

    private int fewest(int count, double enough) {
        double held = 0;
        int kept = 0;
        while (kept < count && (kept == 0 || held < enough)) {
            held += weights[token(kept++)];
        }
        return kept;
    }

    private int pick(int count, double total, long index) {
        double left = key.uniform(index) * total;
        for (int rank = 0; rank < count - 1; rank++) {
            left -= weights[token(rank)];
            if (left < 0) {
                return token(rank);
            }
        }
        return token(count - 1);
    }
}
