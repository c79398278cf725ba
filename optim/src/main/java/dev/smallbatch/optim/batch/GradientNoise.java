package dev.smallbatch.optim.batch;

import java.util.List;

/**
 * How much the gradients of a batch's samples differ, measured at the same weights; everything in double. With b samples of
 * gradient {@code g_i} and mean {@code g}:
 *
 * @param batchSize b, at least 2
 * @param squaredNorm {@code |g|^2}, over all parameters
 * @param variance {@code V = sum_i |g_i - g|^2 / (b - 1)}: over all coordinates the sum of their variances
 * @param samples what only the gradients of single samples say; null without them
 */
public record GradientNoise(int batchSize, double squaredNorm, double variance, Samples samples) {
    /**
     * What only the gradients of single samples say.
     *
     * @param innerProductVariance of {@code <g_i, g>}
     * @param squaredMeans {@code g_j^2} of each coordinate
     * @param variances of each coordinate
     */
    public record Samples(double innerProductVariance, double[] squaredMeans, double[] variances) {}

    /**
     * Of the gradients of single samples.
     *
     * @param gradients at least 2, equally long
     */
    public static GradientNoise ofSamples(List<float[]> gradients) {
        int b = gradients.size();
        if (b < 2) {
            throw new IllegalArgumentException("gradient noise: " + b + " samples; at least 2 have a variance");
        }
        int length = gradients.getFirst().length;
        double[] means = new double[length];
        double[] variances = new double[length];
        for (float[] gradient : gradients) {
            for (int j = 0; j < length; j++) {
                means[j] += (double) gradient[j] / b;
            }
        }
        double innerProducts = 0;
        for (float[] gradient : gradients) {
            double product = 0;
            for (int j = 0; j < length; j++) {
                double difference = gradient[j] - means[j];
                variances[j] += difference * difference / (b - 1);
                product += difference * means[j];
            }
            innerProducts += product * product / (b - 1);
        }
        double variance = 0;
        double squaredNorm = 0;
        double[] squaredMeans = new double[length];
        for (int j = 0; j < length; j++) {
            variance += variances[j];
            squaredMeans[j] = means[j] * means[j];
            squaredNorm += squaredMeans[j];
        }
        return new GradientNoise(b, squaredNorm, variance, new Samples(innerProducts, squaredMeans, variances));
    }

    /**
     * Of J equal micro-batches of s samples with mean gradients {@code m_j}, which need not be kept: {@code V = s / (J - 1)
     * (sum_j |m_j|^2 - J |g|^2)}, without bias. Rounding may make the difference negative; it counts as 0.
     *
     * @param count J, at least 2
     * @param size s
     * @param squaredNorms {@code sum_j |m_j|^2}
     * @param squaredNorm {@code |g|^2} of their mean
     */
    public static GradientNoise ofMicroBatches(int count, int size, double squaredNorms, double squaredNorm) {
        if (count < 2 || size < 1) {
            throw new IllegalArgumentException("gradient noise: " + count + " micro-batches of " + size
                    + " samples; at least 2 of 1 have a variance");
        }
        double variance = size * (squaredNorms - count * squaredNorm) / (count - 1);
        return new GradientNoise(count * size, squaredNorm, Math.max(0, variance), null);
    }

    /**
     * The variance of the gradients' parts at right angles to the mean, {@code r_i = g_i - <g_i, g> / |g|^2 g}. Their mean is
     * 0, so it is {@code V} less the variance along the mean.
     */
    public double orthogonalVariance() {
        return squaredNorm == 0 ? variance : variance - samples.innerProductVariance / squaredNorm;
    }

    /** {@code |g|^2}, or without its bias {@code |g|^2 - V / b}, at least 0: noise makes a mean gradient longer. */
    double signal(boolean unbiased) {
        return unbiased ? Math.max(0, squaredNorm - variance / batchSize) : squaredNorm;
    }
}
