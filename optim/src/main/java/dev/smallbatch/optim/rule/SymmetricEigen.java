package dev.smallbatch.optim.rule;

import dev.smallbatch.optim.curvature.TridiagonalEigen;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Eigenvalues and eigenvectors of a symmetric matrix in double: Householder reflections make it tridiagonal, then
 * {@link TridiagonalEigen}. About {@code 5 n^3} multiplications, in a fixed order.
 *
 * @see <a href="https://doi.org/10.56021/9781421407944">Golub and Van Loan 2013, algorithm 8.3.1</a>
 */
final class SymmetricEigen {
    /** Row k holds the reflection that cleared it, right of the diagonal. */
    private final double[][] a;
    /** Factor of each reflection. */
    private final double[] factors;
    private final double[] values;
    /** Columns are eigenvectors of the tridiagonal matrix. */
    private final double[][] columns;
    private final int[] descending;

    /**
     * @param a all rows of it, which are overwritten
     * @throws ArithmeticException if an element is not finite
     */
    SymmetricEigen(double[][] a) {
        this.a = a;
        int n = a.length;
        factors = new double[n];
        values = new double[n];
        columns = new double[n][n];
        double[] beside = tridiagonalize();
        for (int i = 0; i < n; i++) {
            columns[i][i] = 1;
        }
        TridiagonalEigen.solve(values, beside, columns);
        descending = IntStream.range(0, n).boxed().sorted(Comparator.comparingDouble(i -> -values[i])).mapToInt(i -> i).toArray();
    }

    /** An eigenvalue, 0 being the largest. */
    double value(int i) {
        return values[descending[i]];
    }

    /** A unit eigenvector to {@link #value}, of either sign. */
    double[] vector(int i) {
        int n = a.length;
        double[] x = new double[n];
        for (int j = 0; j < n; j++) {
            x[j] = columns[j][descending[i]];
        }
        for (int k = n - 3; k >= 0; k--) {
            add(x, -factors[k] * dot(a[k], x, k + 1), a[k], k + 1);
        }
        return x;
    }

    /** {@code a = H a H} for each row but the last two, {@code H = 1 - factor v v^T}; what is beside the diagonal then. */
    private double[] tridiagonalize() {
        int n = a.length;
        double[] beside = new double[n];
        double[] q = new double[n];
        for (int k = 0; k < n; k++) {
            double[] v = a[k];
            values[k] = v[k];
            if (k == n - 2) {
                beside[k] = v[k + 1];
            } else if (k < n - 2) {
                beside[k] = -Math.copySign(Math.sqrt(dot(v, v, k + 1)), v[k + 1]);
                if (beside[k] != 0) {
                    v[k + 1] -= beside[k];
                    factors[k] = -1 / (beside[k] * v[k + 1]);
                    reflect(k, v, q);
                }
            }
        }
        return beside;
    }

    /** Right of and below row k {@code a -= v q^T + q v^T} with {@code p = factor a v} and {@code q = p - factor/2 (p v) v}. */
    private void reflect(int k, double[] v, double[] q) {
        Arrays.fill(q, 0);
        for (int i = k + 1; i < v.length; i++) {
            add(q, factors[k] * v[i], a[i], k + 1);
        }
        add(q, -0.5 * factors[k] * dot(q, v, k + 1), v, k + 1);
        for (int i = k + 1; i < v.length; i++) {
            add(a[i], -v[i], q, k + 1);
            add(a[i], -q[i], v, k + 1);
        }
    }

    private static double dot(double[] x, double[] y, int from) {
        double sum = 0;
        for (int j = from; j < x.length; j++) {
            sum += x[j] * y[j];
        }
        return sum;
    }

    /** {@code y += factor x} from an element on. */
    private static void add(double[] y, double factor, double[] x, int from) {
        for (int j = from; j < y.length; j++) {
            y[j] += factor * x[j];
        }
    }
}
