package dev.smallbatch.tck;

import dev.smallbatch.core.spi.Activation;

/** Pointwise nonlinearities and their derivatives by their formulas, in double. */
final class ActivationOracle {
    private static final double ROOT_2_OVER_PI = Math.sqrt(2 / Math.PI);
    private static final double CUBIC = 0.044715;

    private ActivationOracle() {}

    static double value(Activation kind, double x) {
        return switch (kind) {
            case GELU_TANH -> 0.5 * x * (1 + Math.tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x)));
            case GELU_ERF -> x * normalDistribution(x);
            case SILU -> x / (1 + Math.exp(-x));
            case RELU_SQUARED -> Math.max(0, x) * Math.max(0, x);
        };
    }

    static double derivative(Activation kind, double x) {
        return switch (kind) {
            case GELU_TANH -> {
                double t = Math.tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x));
                yield 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT_2_OVER_PI * (1 + 3 * CUBIC * x * x);
            }
            case GELU_ERF -> normalDistribution(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
            case SILU -> {
                double s = 1 / (1 + Math.exp(-x));
                yield s * (1 + x * (1 - s));
            }
            case RELU_SQUARED -> 2 * Math.max(0, x);
        };
    }

    /** {@code 0.5 (1 + erf(x / sqrt(2)))}, without cancellation for negative x. */
    private static double normalDistribution(double x) {
        return 0.5 * erfc(-x / Math.sqrt(2));
    }

    /** {@code 1 - erf(x)}. */
    static double erfc(double x) {
        if (x < 0) {
            return 2 - erfc(-x);
        }
        return x < 2.5 ? 1 - erfSeries(x) : erfcFraction(x);
    }

    /** {@code 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (1 3 5 ... (2n+1))}: all terms positive. */
    private static double erfSeries(double x) {
        double term = x;
        double sum = x;
        for (int n = 1; term > 1e-18 * sum; n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }

    /** Laplace's continued fraction {@code exp(-x^2)/sqrt(pi) / (x + (1/2)/(x + (2/2)/(x + (3/2)/(x + ...))))}. */
    private static double erfcFraction(double x) {
        double tail = x;
        for (int n = 200; n > 0; n--) {
            tail = x + n / 2.0 / tail;
        }
        return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
    }
}
