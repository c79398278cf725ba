package dev.smallbatch.optim.curvature;

import dev.smallbatch.optim.batch.BatchCurvature;

/**
 * Learning rate and momentum made of a batch's curvature. With L the largest Ritz value and l the scale of the bulk,
 * {@link Spectrum#positiveBulk}. The batch must be one of the size that is trained with: a larger one shows too little
 * curvature.
 *
 * <p>A reconstruction: the publication says that such a learner works, the formulas here are the heavy ball's optimum on a
 * quadratic.
 *
 * @param lr above 0
 * @param momentum in [0, 0.99]
 * @see <a href="https://arxiv.org/abs/2006.09092">Granziol, Zohren and Roberts 2022</a>
 */
public record LearnedRate(double lr, double momentum) {
    private static final double MOST_MOMENTUM = 0.99;
    private static final double FASTEST_GROWTH = 2;

    public LearnedRate {
        if (!(lr > 0 && momentum >= 0 && momentum <= MOST_MOMENTUM) || Double.isInfinite(lr)) {
            throw new IllegalArgumentException("learned rate: " + lr + " with momentum " + momentum
                    + "; above 0, and from 0 to " + MOST_MOMENTUM);
        }
    }

    /**
     * {@code lr = safety (2 / (sqrt L + sqrt l))^2}, {@code momentum = ((sqrt k - 1) / (sqrt k + 1))^2} with {@code k = L / l},
     * at most 0.99.
     *
     * @param safety 0.5 to 0.9 are usual
     */
    public static LearnedRate heavyBall(Spectrum spectrum, double safety) {
        double top = Math.sqrt(spectrum.largest());
        double bulk = Math.sqrt(spectrum.positiveBulk());
        double contraction = (top - bulk) / (top + bulk);
        return new LearnedRate(safety * 4 / ((top + bulk) * (top + bulk)), Math.min(MOST_MOMENTUM, contraction * contraction));
    }

    /**
     * The safer one: {@code lr = safety 2 (1 + momentum) / L}.
     *
     * @param safety about 0.5
     */
    public static LearnedRate ofMomentum(Spectrum spectrum, double momentum, double safety) {
        return new LearnedRate(safety * BatchCurvature.largestStable(spectrum.largest(), momentum), momentum);
    }

    /** This after another: the root of the product of both rates, at most twice the other; the momentum is this one's. */
    LearnedRate after(LearnedRate before) {
        return new LearnedRate(Math.min(Math.sqrt(lr * before.lr), FASTEST_GROWTH * before.lr), momentum);
    }
}
