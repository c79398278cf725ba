package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Kernels;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;

/**
 * Compares the gradient that a back end computes with central differences of the oracle's forward function in double,
 * along random directions.
 *
 * @param of what is differentiated with respect to what
 * @param backward the call that computes the gradient
 * @param output the output of {@code backward} that holds it
 * @param point where the gradient is taken
 * @param forward the oracle's function of that argument alone
 * @param dout gradient of a scalar with respect to the function's result
 */
record GradientCheck(String of, OpCase backward, String output, double[] point, UnaryOperator<double[]> forward, double[] dout) {
    private static final int DIRECTIONS = 3;
    private static final double STEP = 1e-5;
    /** Relative to the length of the gradient: hundred times the rounding of float, far below any wrong term. */
    private static final double TOLERANCE = 1e-5;

    void run(CaseRunner runner, Kernels kernels, Tolerance tolerance) {
        List<Arg> outputs = backward.args().stream().filter(Arg::isOutput).toList();
        Arg arg = backward.args().get(backward.index(output));
        double[] gradient = Bits.toDoubles(arg.dtype(), runner.run(kernels, backward).outputs().get(outputs.indexOf(arg)));
        double[] before = Bits.toDoubles(arg.dtype(), arg.bits());
        double squares = 0;
        for (int i = 0; i < gradient.length; i++) {
            squares += gradient[i] * gradient[i];
            if (arg.role() == Role.ACCUMULATED) {
                squares += before[i] * before[i];
                gradient[i] -= before[i];
            }
        }
        for (int k = 0; k < DIRECTIONS; k++) {
            double[] direction = Data.direction(backward.seed(of) + k, point.length);
            double actual = dot(gradient, direction);
            double difference = (along(direction, STEP) - along(direction, -STEP)) / (2 * STEP);
            double bound = tolerance.factor() * TOLERANCE * Math.sqrt(squares);
            long seed = backward.seed(of) + k;
            assertTrue(Math.abs(actual - difference) <= bound, () -> String.format(Locale.ROOT, "%s: the derivative along the "
                    + "direction of seed %d is %s, the central difference %s; they may differ by %.3g", this, seed, actual,
                    difference, bound));
        }
    }

    private double along(double[] direction, double step) {
        double[] moved = new double[point.length];
        for (int i = 0; i < moved.length; i++) {
            moved[i] = point[i] + step * direction[i];
        }
        return dot(forward.apply(moved), dout);
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    @Override
    public String toString() {
        return of + " by " + backward;
    }
}
