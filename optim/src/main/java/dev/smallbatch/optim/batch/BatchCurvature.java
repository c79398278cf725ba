package dev.smallbatch.optim.batch;

/**
 * What random matrices say of the curvature that a batch shows. Its Hessian is the true one and noise, whose variance falls with
 * the batch: with P parameters, a noise of scale sigma for one sample and batches of B samples, P/B is the ratio that counts. A
 * batch shows always more curvature than there is. The largest curvature limits the learning rate: 2 / lambda for gradient
 * descent.
 *
 * <p>Formulas derived anew and tried on random matrices; B is in samples.
 *
 * @see <a href="https://arxiv.org/abs/2006.09092">Granziol, Zohren and Roberts 2022, Learning rates as a function of batch
 *     size</a>
 */
public final class BatchCurvature {
    private BatchCurvature() {}

    /**
     * {@code B / (1 - B / N)}: the batch size that counts if samples are drawn without putting them back; infinite for all of
     * them.
     *
     * @param samples N, at least {@code batch}
     */
    public static double effectiveBatch(double batch, double samples) {
        if (!(batch > 0 && batch <= samples)) {
            throw new IllegalArgumentException("batch curvature: a batch of " + batch + " from " + samples
                    + " samples; above 0, at most all of them");
        }
        return batch / (1 - batch / samples);
    }

    /**
     * Largest eigenvalue that a batch shows under additive noise (the Hessian): {@code lambda + (P/B) sigma^2 / lambda} if
     * lambda is above {@code sigma sqrt(P/B)}, else the edge of the bulk, {@code 2 sigma sqrt(P/B)}. Of a negative lambda the
     * mirror image.
     *
     * @param lambda true eigenvalue
     * @param sigma noise of one sample
     * @param ratio P/B, B being the {@link #effectiveBatch}
     */
    public static double additive(double lambda, double sigma, double ratio) {
        requireNoise(sigma, ratio);
        double size = Math.abs(lambda);
        double threshold = sigma * Math.sqrt(ratio);
        return Math.copySign(size > threshold ? size + threshold * threshold / size : 2 * threshold, lambda);
    }

    /**
     * Largest eigenvalue that a batch shows under multiplicative noise (a Gauss-Newton matrix, a covariance):
     * {@code (lambda + sigma^2) (1 + (P/B) sigma^2 / lambda)} if lambda is above {@code sigma^2 sqrt(P/B)}, else the edge of the
     * bulk, {@code sigma^2 (1 + sqrt(P/B))^2}.
     *
     * @param lambda true eigenvalue above the noise, at least 0
     * @param sigma2 sigma^2, the eigenvalue of all others
     * @param ratio P/B
     */
    public static double multiplicative(double lambda, double sigma2, double ratio) {
        requireNoise(sigma2, ratio);
        double root = Math.sqrt(ratio);
        return lambda > sigma2 * root ? (lambda + sigma2) * (1 + ratio * sigma2 / lambda)
                : sigma2 * (1 + root) * (1 + root);
    }

    private static void requireNoise(double noise, double ratio) {
        if (!(noise >= 0 && ratio >= 0) || Double.isInfinite(noise * ratio)) {
            throw new IllegalArgumentException("batch curvature: noise " + noise + " with P/B " + ratio
                    + "; finite, at least 0");
        }
    }

    /**
     * {@code 2 (1 + momentum) / lambda}: from here on steps along the eigenvector of lambda grow.
     *
     * @param lambda largest curvature of a batch, above 0
     * @param momentum of the heavy ball, 0 for none
     */
    public static double largestStable(double lambda, double momentum) {
        if (!(lambda > 0)) {
            throw new IllegalArgumentException("batch curvature: a largest eigenvalue of " + lambda
                    + " limits no learning rate; above 0");
        }
        return 2 * (1 + momentum) / lambda;
    }

    /**
     * {@code damping (newLr / lr) (batch / newBatch)}: the smallest safe damping (Adam's eps, for one) goes with the learning
     * rate over the batch size.
     *
     * @param damping that is right for {@code lr} at {@code batch}
     */
    public static double damping(double damping, double lr, double batch, double newLr, double newBatch) {
        return damping * (newLr / lr) * (batch / newBatch);
    }
}
