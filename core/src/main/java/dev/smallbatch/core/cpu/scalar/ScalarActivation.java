package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.ActivationKernels;
import dev.smallbatch.core.tensor.Tensor;

/** Pointwise nonlinearities and their derivatives. Tasks are runs of elements. */
final class ScalarActivation implements ActivationKernels {
    private static final double ROOT_2_OVER_PI = Math.sqrt(2 / Math.PI);
    private static final double CUBIC = 0.044715;
    /** Operations per element, roughly. */
    private static final long COST = 32;

    private final Parallel parallel;

    ScalarActivation(Parallel parallel) {
        this.parallel = parallel;
    }

    /** out = f(x). */
    @Override
    public void activate(Tensor out, Tensor x, Activation kind) {
        Floats outs = new Floats(out);
        Floats xs = new Floats(x);
        Grid.split(parallel, x.numel(), COST, (from, to) -> {
            for (long i = from; i < to; i++) {
                outs.set(i, value(xs.get(i), kind));
            }
        });
    }

    private static double value(double x, Activation kind) {
        return switch (kind) {
            case GELU_TANH -> 0.5 * x * (1 + StrictMath.tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x)));
            case GELU_ERF -> 0.5 * x * (1 + erf(x / Math.sqrt(2)));
            case SILU -> x / (1 + StrictMath.exp(-x));
            case RELU_SQUARED -> Math.max(0, x) * Math.max(0, x);
        };
    }

    /** dx = dout * f'(x). */
    @Override
    public void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation kind) {
        Floats dxs = new Floats(dx);
        Floats douts = new Floats(dout);
        Floats xs = new Floats(x);
        Grid.split(parallel, x.numel(), COST, (from, to) -> {
            for (long i = from; i < to; i++) {
                dxs.set(i, douts.get(i) * derivative(xs.get(i), kind));
            }
        });
    }

    private static double derivative(double x, Activation kind) {
        return switch (kind) {
            // f = 0.5 x (1 + tanh u), u = sqrt(2/pi) (x + 0.044715 x^3)
            case GELU_TANH -> {
                double tanh = StrictMath.tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x));
                double du = ROOT_2_OVER_PI * (1 + 3 * CUBIC * x * x);
                yield 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * du;
            }
            // f = x Phi(x), Phi' the density of the standard normal distribution
            case GELU_ERF -> 0.5 * (1 + erf(x / Math.sqrt(2))) + x * StrictMath.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
            // f = x sigmoid(x)
            case SILU -> {
                double sigmoid = 1 / (1 + StrictMath.exp(-x));
                yield sigmoid * (1 + x * (1 - sigmoid));
            }
            case RELU_SQUARED -> 2 * Math.max(0, x);
        };
    }

    /**
     * The error function, {@code 2/sqrt(pi) integral from 0 to x of exp(-t^2)}, with an error below 1e-14. Sums
     * {@code 2/sqrt(pi) exp(-x^2) (x + 2 x^3 / 3 + 4 x^5 / (3 5) + ...)}, whose terms all have the sign of x, so that
     * nothing cancels.
     */
    static double erf(double x) {
        if (Math.abs(x) > 6) {
            return Math.signum(x);
        }
        double term = x;
        double sum = x;
        for (int n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * StrictMath.exp(-x * x) * sum;
    }
}
