package dev.smallbatch.tck;

/** Matrix products by their definition, in double. */
final class MatmulOracle {
    private static final double C = 2;

    private MatmulOracle() {}

    /** Row-major transpose of a rows by cols matrix. */
    static double[] transpose(double[] a, int rows, int cols) {
        double[] t = new double[a.length];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < cols; j++) {
                t[j * rows + i] = a[i * cols + j];
            }
        }
        return t;
    }

    /** {@code a (M, K) times b (K, N)}. */
    static double[] product(double[] a, double[] b, int M, int N, int K) {
        double[] out = new double[M * N];
        for (int i = 0; i < M; i++) {
            for (int k = 0; k < K; k++) {
                double x = a[i * K + k];
                for (int j = 0; j < N; j++) {
                    out[i * N + j] += x * b[k * N + j];
                }
            }
        }
        return out;
    }

    /**
     * {@code alpha a b + before}. The scale of an element is the size of its sum and the root of the sum of the squares of
     * its terms: partial sums of either sign stay in that order.
     *
     * @param before added to the product: the old output or the bias of each element; null means zero
     */
    static Expected expected(double[] a, double[] b, double alpha, double[] before, int M, int N, int K) {
        double[] value = product(a, b, M, N, K);
        double[] squares = product(squared(a), squared(b), M, N, K);
        double[] scale = new double[value.length];
        for (int i = 0; i < value.length; i++) {
            double old = before == null ? 0 : before[i];
            scale[i] = Math.abs(alpha) * (Math.abs(value[i]) + Math.sqrt(squares[i])) + Math.abs(old);
            value[i] = alpha * value[i] + old;
        }
        return Expected.within(C, K, value, scale);
    }

    /** {@code before[c] + sum over n of dout[n, c]}. */
    static Expected columnSums(double[] before, double[] dout, int N, int C) {
        double[] value = before.clone();
        double[] scale = new double[C];
        for (int c = 0; c < C; c++) {
            double squares = before[c] * before[c];
            for (int n = 0; n < N; n++) {
                value[c] += dout[n * C + c];
                squares += dout[n * C + c] * dout[n * C + c];
            }
            scale[c] = Math.abs(value[c]) + Math.sqrt(squares);
        }
        return Expected.within(MatmulOracle.C, N + 1, value, scale);
    }

    /** The bias of every element of an (N, C) matrix. */
    static double[] rowsOf(double[] bias, int N) {
        double[] all = new double[N * bias.length];
        for (int n = 0; n < N; n++) {
            System.arraycopy(bias, 0, all, n * bias.length, bias.length);
        }
        return all;
    }

    private static double[] squared(double[] a) {
        double[] squares = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            squares[i] = a[i] * a[i];
        }
        return squares;
    }
}
