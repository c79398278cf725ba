package dev.smallbatch.optim.batch;

import java.util.Map;

/**
 * How a peak learning rate follows the batch size. A starting point for tuning and no law: a power of it ({@link #CONSTANT},
 * {@link #LINEAR} for SGD, {@link #SQUARE_ROOT} for Adam, {@link #OBSERVED}), or what was measured of the loss's curvature
 * ({@link SpikedScaling}).
 */
@FunctionalInterface
public interface LearningRateScaling {
    /**
     * Threefold while the batch grows 1024-fold, {@code ln 3 / ln 1024 = 0.158}: what was seen for Adam at 30M parameters. Models
     * of some ten thousand parameters are closer to {@link #SQUARE_ROOT}.
     *
     * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025, figure 4</a>
     */
    Power OBSERVED = new Power(0.158);
    /** The same rate at every batch size. */
    Power CONSTANT = new Power(0);
    /** Keeps the noise of Adam's updates; far too much from small to large batches of language models. */
    Power SQUARE_ROOT = new Power(0.5);
    /** Keeps the way that SGD goes with a sum of gradients. */
    Power LINEAR = new Power(1);

    /**
     * A scaling by its name.
     *
     * @param name none, observed, sqrt, linear, or {@code spiked=B}, B being the {@link SpikedScaling#criticalBatch}
     * @throws IllegalArgumentException if there is no such scaling
     */
    static LearningRateScaling of(String name) {
        LearningRateScaling named =
                Map.of("none", CONSTANT, "observed", OBSERVED, "sqrt", SQUARE_ROOT, "linear", LINEAR).get(name);
        if (named == null && !name.matches("spiked=\\d+(\\.\\d+)?")) {
            throw new IllegalArgumentException("learning rate scaling: '" + name + "'; it is none, observed, sqrt, linear, or"
                    + " spiked=B with the critical batch B in sequences, which 'smallbatch experiment spectrum' measures");
        }
        return named != null ? named : new SpikedScaling(1, Double.parseDouble(name.substring("spiked=".length())));
    }

    /**
     * The rate at a new batch size.
     *
     * @param lr the rate that is right at the old one
     * @param oldTokensPerStep batch size in tokens, above 0
     * @param newTokensPerStep the same
     */
    double scale(double lr, double oldTokensPerStep, double newTokensPerStep);

    /**
     * {@code lr (new / old)^exponent}; it ends where the batch is so large that steps run out.
     *
     * @param exponent 0 up to 1
     */
    record Power(double exponent) implements LearningRateScaling {
        public Power {
            if (!(exponent >= 0 && exponent <= 1)) {
                throw new IllegalArgumentException("learning rate scaling: exponent " + exponent
                        + "; from 0 (constant) to 1 (linear)");
            }
        }

        @Override
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
}
