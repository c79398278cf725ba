package dev.smallbatch.optim.curvature;

/**
 * Eigenvalues of a symmetric tridiagonal matrix in double, by the implicitly shifted QR method; eigenvectors as far as they are
 * asked for: rows that the rotations are applied to.
 *
 * <p>Source: Golub and Van Loan 2013, Matrix Computations, algorithm 8.3.2.
 */
public final class TridiagonalEigen {
    private static final int SWEEPS_PER_ROW = 60;

    private TridiagonalEigen() {}

    /**
     * Replaces the matrix by its eigenvalues, in no order.
     *
     * @param diagonal n elements, at least 1; the eigenvalues afterwards
     * @param beside at least n - 1 elements, those below the diagonal; 0 afterwards
     * @param rows each of n elements, multiplied from the right by the matrix of eigenvectors V: the first row of the unit
     *     matrix becomes the eigenvectors' first components; all rows of a matrix Q that made a full matrix A tridiagonal,
     *     {@code A = Q T Q'}, become the eigenvectors of A, in columns
     * @throws ArithmeticException if an element is not finite
     */
    public static void solve(double[] diagonal, double[] beside, double[]... rows) {
        int sweeps = 0;
        for (int last = diagonal.length - 1; last > 0;) {
            int first = last;
            while (first > 0 && coupled(diagonal, beside, first)) {
                first--;
            }
            if (first == last) {
                beside[--last] = 0;
            } else if (sweeps++ == SWEEPS_PER_ROW * diagonal.length) {
                throw new ArithmeticException("tridiagonal eigenvalues: no convergence at " + diagonal[last] + " beside "
                        + beside[last - 1] + "; every element must be finite");
            } else {
                sweep(diagonal, beside, first, last, rows);
            }
        }
    }

    /** Whether the element between rows {@code row - 1} and {@code row} counts. */
    private static boolean coupled(double[] diagonal, double[] beside, int row) {
        return !(Math.abs(beside[row - 1]) <= Math.ulp(Math.abs(diagonal[row - 1]) + Math.abs(diagonal[row])));
    }

    /** A similarity by rotations of neighbours, from the first row down, that moves the last towards an eigenvalue. */
    private static void sweep(double[] diagonal, double[] beside, int first, int last, double[][] rows) {
        double half = (diagonal[last - 1] - diagonal[last]) / 2;
        double corner = beside[last - 1];
        double shift = diagonal[last] - corner / (half + Math.copySign(Math.hypot(half, corner), half)) * corner;
        double kept = diagonal[first] - shift;
        double bulge = beside[first];
        for (int i = first; i < last; i++) {
            double length = Math.hypot(kept, bulge);
            double c = length == 0 ? 1 : kept / length;
            double s = length == 0 ? 0 : bulge / length;
            if (i > first) {
                beside[i - 1] = length;
            }
            double upper = diagonal[i];
            double lower = diagonal[i + 1];
            double between = beside[i];
            diagonal[i] = c * c * upper + 2 * c * s * between + s * s * lower;
            diagonal[i + 1] = s * s * upper - 2 * c * s * between + c * c * lower;
            beside[i] = c * s * (lower - upper) + (c * c - s * s) * between;
            if (i + 1 < last) {
                kept = beside[i];
                bulge = s * beside[i + 1];
                beside[i + 1] *= c;
            }
            for (double[] row : rows) {
                double left = row[i];
                row[i] = c * left + s * row[i + 1];
                row[i + 1] = c * row[i + 1] - s * left;
            }
        }
    }
}
