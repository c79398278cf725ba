package dev.smallbatch.optim.batch;

/**
 * The decay of a moving average, said in exactly one of two ways: beta per step, or the tokens after which a gradient counts
 * half. The second keeps its meaning when the batch size changes: {@code beta = 2^(-tokensPerStep / tokens)}.
 *
 * <p>All in double; {@code 1 - beta} is computed by expm1, since a float beta close to 1 would lose it.
 *
 * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025, section 3</a>
 */
public sealed interface Decay {
    /**
     * The factor of the old average in one step, in [0, 1).
     *
     * @param tokensPerStep sequences times their length in one update
     */
    double perStep(long tokensPerStep);

    /** {@code ln(beta)}; minus infinity for beta 0. */
    double logPerStep(long tokensPerStep);

    /** {@code 1 - beta}: the factor of a new gradient. */
    default double complement(long tokensPerStep) {
        return complement(tokensPerStep, 1);
    }

    /** {@code 1 - beta^steps}: the share of an average that started at 0 which is made of gradients; {@code steps >= 1}. */
    default double complement(long tokensPerStep, long steps) {
        return -Math.expm1(steps * logPerStep(tokensPerStep));
    }

    /**
     * As the other, for updates of different sizes.
     *
     * @param tokensPerStep of the last of them
     * @param tokens of all of them
     */
    default double complement(long tokensPerStep, long steps, long tokens) {
        return complement(tokensPerStep, steps);
    }

    /**
     * A fixed factor per step, whatever the batch size.
     *
     * @param beta in [0, 1)
     */
    record PerStep(double beta) implements Decay {
        public PerStep {
            requireBeta(beta);
        }

        @Override
        public double perStep(long tokensPerStep) {
            return beta;
        }

        @Override
        public double logPerStep(long tokensPerStep) {
            return Math.log(beta);
        }
    }

    /**
     * A half-life.
     *
     * @param tokens finite, at least 0; 0 means beta 0
     */
    record HalfLife(double tokens) implements Decay {
        private static final long LONG_RUN = 500_000_000;
        private static final double LONG_RUN_HALF_LIFE = 10e6;
        private static final int SHORT_RUN_PARTS = 50;
        /** Where beta2 is 0.95, the least that language models are trained with. */
        private static final int SHORTEST_UPDATES = 14;

        public HalfLife {
            requireHalfLife(tokens);
        }

        /**
         * The usual half-life of a mean of squares: 10 million tokens for runs of half a billion and more, as published, and a
         * fiftieth of shorter runs, but at least 14 updates. What was published is between a 21st and a 700th of the run, the
         * shorter the run the larger.
         *
         * @param runTokens of the whole run
         * @param tokensPerStep sequences times their length in one update
         */
        public static HalfLife ofSecondMoment(long runTokens, long tokensPerStep) {
            double tokens = runTokens >= LONG_RUN ? LONG_RUN_HALF_LIFE : (double) runTokens / SHORT_RUN_PARTS;
            return new HalfLife(Math.max(tokens, (double) SHORTEST_UPDATES * tokensPerStep));
        }

        @Override
        public double perStep(long tokensPerStep) {
            return Math.exp(logPerStep(tokensPerStep));
        }

        @Override
        public double logPerStep(long tokensPerStep) {
            requireTokensPerStep(tokensPerStep);
            return -Math.log(2) * tokensPerStep / tokens;
        }

        @Override
        public double complement(long tokensPerStep, long steps, long tokensInAll) {
            return -Math.expm1((double) tokensInAll / tokensPerStep * logPerStep(tokensPerStep));
        }
    }

    /** {@code beta = 2^(-tokensPerStep / halfLifeTokens)}. */
    static double toPerStep(double halfLifeTokens, double tokensPerStep) {
        requireHalfLife(halfLifeTokens);
        requireTokensPerStep(tokensPerStep);
        return Math.exp(-Math.log(2) * tokensPerStep / halfLifeTokens);
    }

    /** {@code tokensPerStep ln(1/2) / ln(beta)}: 0 for beta 0. */
    static double toHalfLife(double beta, double tokensPerStep) {
        requireBeta(beta);
        requireTokensPerStep(tokensPerStep);
        return tokensPerStep * -Math.log(2) / Math.log(beta);
    }

    /** {@code beta^(newTokensPerStep / oldTokensPerStep)}: the factor with the same half-life at another batch size. */
    static double rescale(double beta, double oldTokensPerStep, double newTokensPerStep) {
        requireBeta(beta);
        requireTokensPerStep(oldTokensPerStep);
        requireTokensPerStep(newTokensPerStep);
        return Math.pow(beta, newTokensPerStep / oldTokensPerStep);
    }

    private static void requireBeta(double beta) {
        if (!(beta >= 0 && beta < 1)) {
            throw new IllegalArgumentException("decay: beta " + beta + "; at least 0 and below 1");
        }
    }

    private static void requireHalfLife(double tokens) {
        if (!(tokens >= 0) || Double.isInfinite(tokens)) {
            throw new IllegalArgumentException("decay: half-life of " + tokens + " tokens; a finite number, at least 0");
        }
    }

    private static void requireTokensPerStep(double tokens) {
        if (!(tokens > 0) || Double.isInfinite(tokens)) {
            throw new IllegalArgumentException("decay: " + tokens + " tokens per step; a positive number");
        }
    }
}
