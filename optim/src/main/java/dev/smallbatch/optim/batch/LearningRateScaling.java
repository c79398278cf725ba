package dev.smallbatch.optim.batch;

/**
 * How a peak learning rate follows the batch size: {@code lr' = lr (tokens' / tokens)^exponent}, tokens being those of an update.
 * A starting point for tuning and no law: the power ends where the batch is so large that steps run out.
 *
 * @param exponent 0 up to 1
 */
public record LearningRateScaling(double exponent) {
    /**
     * Threefold while the batch grows 1024-fold, {@code ln 3 / ln 1024 = 0.158}: what was seen for Adam at 30M parameters. Models
     * of some ten thousand parameters are closer to {@link #SQUARE_ROOT}.
     *
     * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025, figure 4</a>
     */
    public static final LearningRateScaling OBSERVED = new LearningRateScaling(0.158);
    /** The same rate at every batch size. */
    public static final LearningRateScaling CONSTANT = new LearningRateScaling(0);
    /** Keeps the noise of Adam's updates; far too much from small to large batches of language models. */
    public static final LearningRateScaling SQUARE_ROOT = new LearningRateScaling(0.5);
    /** Keeps the way that SGD goes with a sum of gradients. */
    public static final LearningRateScaling LINEAR = new LearningRateScaling(1);

    public LearningRateScaling {
        if (!(exponent >= 0 && exponent <= 1)) {
            throw new IllegalArgumentException("learning rate scaling: exponent " + exponent
                    + "; from 0 (constant) to 1 (linear)");
        }
    }

    /** {@code lr (newTokensPerStep / oldTokensPerStep)^exponent}. */
    public double scale(double lr, double oldTokensPerStep, double newTokensPerStep) {
        return lr * Math.pow(ratio(oldTokensPerStep, newTokensPerStep), exponent);
    }

    /** The exponent that leads from one learning rate to another; NaN between equal batches. */
    static double exponentOf(double lr, double newLr, double oldTokensPerStep, double newTokensPerStep) {
        double ratio = ratio(oldTokensPerStep, newTokensPerStep);
        return ratio == 1 ? Double.NaN : Math.log(newLr / lr) / Math.log(ratio);
    }

    private static double ratio(double oldTokensPerStep, double newTokensPerStep) {
        if (!(oldTokensPerStep > 0 && newTokensPerStep > 0) || Double.isInfinite(oldTokensPerStep + newTokensPerStep)) {
            throw new IllegalArgumentException("learning rate scaling: from " + oldTokensPerStep + " to " + newTokensPerStep
                    + " tokens per step; positive numbers");
        }
        return newTokensPerStep / oldTokensPerStep;
    }
}
