package dev.smallbatch.optim.batch;

/**
 * How long a run is: from the model to tokens, from tokens to updates.
 *
 * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025, section 4 and appendix A</a>
 */
public final class RunLength {
    /** Tokens for each active parameter. */
    public static final int TOKENS_PER_ACTIVE_PARAMETER = 20;
    /** Part of a run in which the learning rate rises. */
    public static final double WARMUP_FRACTION = 0.05;

    private RunLength() {}

    /**
     * Parameters that multiply something for every token, {@code 12 L D^2 + D V}: the matrices of L blocks whose MLP is four
     * times as wide as the model, and one of two tables.
     */
    public static long activeParameters(long layers, long dim, long vocabularySize) {
        return 12 * layers * dim * dim + dim * vocabularySize;
    }

    /** {@code 20 activeParameters}. */
    public static long tokens(long activeParameters) {
        return Math.multiplyExact(TOKENS_PER_ACTIVE_PARAMETER, activeParameters);
    }

    /** Whole updates in a budget, {@code floor(tokens / tokensPerStep)}, but at least one. */
    public static long steps(long tokens, long tokensPerStep) {
        if (tokens < 1 || tokensPerStep < 1) {
            throw new IllegalArgumentException("run length: " + tokens + " tokens in updates of " + tokensPerStep
                    + "; at least 1");
        }
        return Math.max(1, tokens / tokensPerStep);
    }

    /** {@code floor(fraction steps)}. */
    public static long warmupSteps(double fraction, long steps) {
        if (!(fraction >= 0 && fraction <= 1)) {
            throw new IllegalArgumentException("run length: warm-up of " + fraction + " of the run; from 0 to 1");
        }
        return (long) Math.floor(fraction * steps);
    }
}
