package dev.smallbatch.optim.rule;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Eigenvalues and eigenvectors of a symmetric matrix in double by Jacobi's method: rotations of two axes, each of which clears
 * an element, in turn for all of them until they are nothing beside the matrix. About {@code 20 n^3} multiplications, in a fixed
 * order.
 *
 * @see <a href="https://doi.org/10.56021/9781421407944">Golub and Van Loan 2013, algorithms 8.5.1 and 8.5.3</a>
 */
public final class SymmetricEigen {
    /** Of the squares of the matrix; six or seven sweeps are usual. */
    private static final double PRECISION = 0x1p-100;
    private static final int MOST_SWEEPS = 30;

    private final double[][] a;
    private final double[][] vectors;
    private final int[] descending;

    /**
     * Solves.
     *
     * @param a all rows of it, which are overwritten; if an element is not finite, the results mean nothing
     */
    public SymmetricEigen(double[][] a) {
        int n = a.length;
        this.a = a;
        vectors = new double[n][n];
        for (int i = 0; i < n; i++) {
            vectors[i][i] = 1;
        }
        for (int sweep = 0; sweep < MOST_SWEEPS && !isDiagonal(); sweep++) {
            for (int p = 0; p < n; p++) {
                for (int q = p + 1; q < n; q++) {
                    clear(p, q);
                }
            }
        }
        descending = IntStream.range(0, n).boxed().sorted(Comparator.comparingDouble(i -> -a[i][i])).mapToInt(i -> i).toArray();
    }

    /** An eigenvalue, 0 being the largest. */
    public double value(int i) {
        return a[descending[i]][descending[i]];
    }

    /** A unit eigenvector to {@link #value}, of either sign. */
    public double[] vector(int i) {
        return vectors[descending[i]];
    }

    private boolean isDiagonal() {
        double diagonal = 0;
        double beside = 0;
        for (int i = 0; i < a.length; i++) {
            diagonal += a[i][i] * a[i][i];
            for (int j = 0; j < i; j++) {
                beside += 2 * a[i][j] * a[i][j];
            }
        }
        return beside <= PRECISION * (diagonal + beside);
    }

    private void clear(int p, int q) {
        if (a[p][q] == 0) {
            return;
        }
        double half = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        double tan = 1 / (half + Math.copySign(Math.sqrt(half * half + 1), half));
        double cos = 1 / Math.sqrt(tan * tan + 1);
        double sin = tan * cos;
        rotate(a[p], a[q], cos, sin);
        for (double[] row : a) {
            double old = row[p];
            row[p] = cos * old - sin * row[q];
            row[q] = sin * old + cos * row[q];
        }
        rotate(vectors[p], vectors[q], cos, sin);
    }

    private static void rotate(double[] x, double[] y, double cos, double sin) {
        for (int i = 0; i < x.length; i++) {
            double old = x[i];
            x[i] = cos * old - sin * y[i];
            y[i] = sin * old + cos * y[i];
        }
    }
}
