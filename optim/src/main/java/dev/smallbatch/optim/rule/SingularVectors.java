package dev.smallbatch.optim.rule;

import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.ValueLayout;

/**
 * The singular vectors of a matrix to its largest singular values, on its shorter side: right ones if it is tall or square,
 * left ones if it is wide. {@value #ROUNDS} rounds of subspace iteration on {@value #MORE} random directions more than asked for
 * find a subspace, and the eigenvectors of the matrix's square within it are the result: exact if there are no more
 * dimensions, and if there are, nearly as good as the best subspace (98 % of its squares where singular values fall as slowly as
 * {@code i^-1/4}). Products run in float on the kernels, the rest in double in a fixed order.
 *
 * @see <a href="https://arxiv.org/abs/0909.4061">Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1</a>
 */
final class SingularVectors {
    static final int MORE = 32;
    static final int ROUNDS = 4;
    /** What rounding leaves of a vector that depends on those before, relative to its length. */
    private static final double DEPENDENT = 1e-5;

    private SingularVectors() {}

    private static long width(long side, long rank) {
        return Math.min(side, rank + MORE);
    }

    /** Elements that {@link #top} needs to work in. */
    static long scratchSize(Shape matrix, long rank) {
        long width = width(Math.min(matrix.rows(), matrix.cols()), rank);
        return width * (matrix.rows() + matrix.cols() + width + rank);
    }

    /**
     * Writes them as the rows of {@code out}, the largest first, orthonormal also where singular values are 0. Of its two signs
     * each has the one that makes its element of largest magnitude positive. All are NaN if an element of g is not finite.
     *
     * @param out (number of vectors, shorter side of g)
     * @param key of the random directions
     */
    static void top(Tensor out, Tensor g, RandomKey key, Tensor scratch, Kernels kernels) {
        Shape shape = g.shape();
        boolean tall = LowRankStep.isTall(shape);
        Transpose yes = tall ? Transpose.YES : Transpose.NO;
        Transpose no = tall ? Transpose.NO : Transpose.YES;
        long rank = out.shape().rows();
        long width = width(out.shape().cols(), rank);
        Tensor basis = LowRankStep.piece(scratch, 0, Shape.of(width, out.shape().cols()));
        Tensor image = LowRankStep.piece(scratch, basis.numel(),
                Shape.of(tall ? shape.rows() : width, tall ? width : shape.cols()));
        Tensor square = LowRankStep.piece(scratch, basis.numel() + image.numel(), Shape.of(width, width));
        Tensor within = LowRankStep.piece(scratch, basis.numel() + image.numel() + square.numel(), Shape.of(rank, width));
        new Init.Normal(1).fill(basis, key);
        for (int round = 0; round < ROUNDS; round++) {
            LowRankStep.project(image, g, basis, kernels);
            kernels.matmul().matmul(basis, image, yes, g, no, 1, 0);
            orthonormalize(basis, key.fork("dependent"));
        }
        LowRankStep.project(image, g, basis, kernels);
        kernels.matmul().matmul(square, image, yes, image, no, 1, 0);
        SymmetricEigen eigen = new SymmetricEigen(rows(square));
        for (int i = 0; i < rank; i++) {
            write(within, i, eigen.vector(i), 1);
        }
        kernels.matmul().matmul(out, within, Transpose.NO, basis, Transpose.NO, 1, 0);
        fixSigns(out);
    }

    /** Gram and Schmidt's rows, each cleared of those before it twice; random ones in the place of dependent ones. */
    private static void orthonormalize(Tensor basis, RandomKey key) {
        double[][] rows = rows(basis);
        for (int i = 0; i < rows.length; i++) {
            double before = Math.sqrt(dot(rows[i], rows[i]));
            if (clear(rows, i) <= DEPENDENT * before) {
                for (int j = 0; j < rows[i].length; j++) {
                    rows[i][j] = key.at(i).normal(j);
                }
                clear(rows, i);
            }
            double length = clear(rows, i);
            for (int j = 0; j < rows[i].length; j++) {
                rows[i][j] /= length;
            }
            write(basis, i, rows[i], 1);
        }
    }

    /** Makes a row orthogonal to those before it; its length then. */
    private static double clear(double[][] rows, int at) {
        double[] row = rows[at];
        for (int i = 0; i < at; i++) {
            double along = dot(row, rows[i]);
            for (int j = 0; j < row.length; j++) {
                row[j] -= along * rows[i][j];
            }
        }
        return Math.sqrt(dot(row, row));
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int j = 0; j < a.length; j++) {
            sum += a[j] * b[j];
        }
        return sum;
    }

    private static void fixSigns(Tensor out) {
        double[][] rows = rows(out);
        for (int i = 0; i < rows.length; i++) {
            double largest = 0;
            for (double value : rows[i]) {
                largest = Math.abs(value) > Math.abs(largest) ? value : largest;
            }
            write(out, i, rows[i], largest < 0 ? -1 : 1);
        }
    }

    private static double[][] rows(Tensor x) {
        int cols = (int) x.shape().cols();
        double[][] rows = new double[(int) x.shape().rows()][cols];
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < cols; j++) {
                rows[i][j] = x.segment().getAtIndex(ValueLayout.JAVA_FLOAT, (long) i * cols + j);
            }
        }
        return rows;
    }

    private static void write(Tensor out, int row, double[] values, double factor) {
        for (int j = 0; j < values.length; j++) {
            out.segment().setAtIndex(ValueLayout.JAVA_FLOAT, (long) row * values.length + j, (float) (factor * values[j]));
        }
    }
}
