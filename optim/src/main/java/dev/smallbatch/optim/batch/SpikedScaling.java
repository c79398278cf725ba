package dev.smallbatch.optim.batch;

/**
 * The learning rate of SGD from the curvature that batches show. A batch of B shows {@code lambda + noise / (B lambda)} where
 * there is lambda, and the rate goes with the largest stable one, {@code 2 / (lambda + noise / (B lambda))}: with B as long as
 * it is well below {@link #criticalBatch}, and no further than 2 / lambda above. B may be in sequences or in tokens, as long as
 * it is the same everywhere; without replacement it is the {@link BatchCurvature#effectiveBatch}.
 *
 * <p>For independent noise of every element ({@link BatchCurvature#additive}) the formula ends at B = criticalBatch, below which
 * the noise's own curvature is larger and the rate goes with the root of B; multiplicative noise is linear further down. Which
 * of them a loss has, two measurements do not say.
 *
 * @param lambda largest eigenvalue of the whole data, above 0
 * @param noise P sigma^2: parameters times the variance of one sample's curvature, at least 0
 * @see <a href="https://arxiv.org/abs/2006.09092">Granziol, Zohren and Roberts 2022</a>
 */
public record SpikedScaling(double lambda, double noise) implements LearningRateScaling {
    public SpikedScaling {
        if (!(lambda > 0 && noise >= 0) || Double.isInfinite(lambda + noise)) {
            throw new IllegalArgumentException("spiked scaling: largest eigenvalue " + lambda + ", noise " + noise
                    + "; finite, above 0, and at least 0");
        }
    }

    /**
     * Through two measurements of the largest eigenvalue of a batch's Hessian, best each a mean over several batches.
     *
     * @throws IllegalArgumentException if no noise explains them: the smaller batch shows less curvature, or so much more that
     *     nothing is left for the whole data
     */
    public static SpikedScaling fit(double batch, double largest, double otherBatch, double otherLargest) {
        double slope = (largest - otherLargest) / (1 / batch - 1 / otherBatch);
        double lambda = largest - slope / batch;
        if (!(slope >= 0 && lambda > 0)) {
            throw new IllegalArgumentException("spiked scaling: largest eigenvalues of " + largest + " at batch size " + batch
                    + " and " + otherLargest + " at " + otherBatch + " are not a + b / B with a above 0 and b at least 0; measure"
                    + " over more batches, or further apart");
        }
        return new SpikedScaling(lambda, slope * lambda);
    }

    /** {@code lambda + noise / (batch lambda)}: what a batch shows. */
    public double largest(double batch) {
        if (!(batch > 0)) {
            throw new IllegalArgumentException("spiked scaling: a batch of " + batch + "; above 0");
        }
        return lambda + noise / (batch * lambda);
    }

    /** {@code noise / lambda^2}: where the rate is half of what the whole data would allow. */
    public double criticalBatch() {
        return noise / (lambda * lambda);
    }

    /** Largest stable learning rate at a batch size, {@link BatchCurvature#largestStable}. */
    public double largestStable(double batch, double momentum) {
        return BatchCurvature.largestStable(largest(batch), momentum);
    }

    @Override
    public double scale(double lr, double oldBatch, double newBatch) {
        return lr * largest(oldBatch) / largest(newBatch);
    }
}
