package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * Brings the singular values of a matrix close to 1 and leaves its singular vectors, by steps of
 * {@code A = X X^T, X = a X + (b A + c A A) X} for a matrix of Euclidean norm at most 1, and the same from the other side if it
 * has more rows than columns. Directions that the matrix has not got, it does not get.
 *
 * @param steps how often
 * @param a factor of X
 * @param b factor of {@code A X}
 * @param c factor of {@code A A X}; with 0 a step makes two products in the place of three
 */
record NewtonSchulz(int steps, float a, float b, float c) {
    /**
     * Muon's: steep at 0 and not flat at 1, so that singular values from 0.01 on end between 0.68 and 1.2, which is near enough.
     */
    static final NewtonSchulz QUINTIC = new NewtonSchulz(5, 3.4445f, -4.775f, 2.0315f);

    /**
     * {@code X = beta (3 X - X X^T X)}: what the iteration of two matrices {@code Y = beta Y M, Z = beta M Z, M = 3 I - Z Y}
     * from {@code Y = X X^T, Z = I} makes of {@code Z X}, since {@code Z Y} remains {@code (Z X) (Z X)^T}. With beta 0.5 it
     * converges to singular values of 1; with 0.8 small ones grow faster and all end between 0.56 and 1.6.
     */
    static NewtonSchulz cubic(double beta, int steps) {
        return new NewtonSchulz(steps, (float) (3 * beta), (float) -beta, 0);
    }

    /** Elements that {@link #orthogonalize} needs to work in: a matrix and two squares of its shorter side. */
    static long scratchSize(Shape matrix) {
        long side = Math.min(matrix.rows(), matrix.cols());
        return matrix.numel() + 2 * side * side;
    }

    /** Changes {@code x} in place; all zeros stay. */
    void orthogonalize(Tensor x, Tensor scratch, Kernels kernels) {
        orthogonalize(x, scratch.rows(0, x.numel()), scratch.rows(x.numel(), scratch.numel()), kernels);
    }

    /**
     * The same with the room to work in, in two pieces.
     *
     * @param copy of the size of x
     * @param squares at least two squares of the shorter side of x
     */
    void orthogonalize(Tensor x, Tensor copy, Tensor squares, Kernels kernels) {
        boolean wide = x.shape().rows() <= x.shape().cols();
        long side = Math.min(x.shape().rows(), x.shape().cols());
        Shape square = Shape.of(side, side);
        Tensor old = copy.reshape(x.shape());
        Tensor gram = squares.rows(0, side * side).reshape(square);
        Tensor polynomial = squares.rows(side * side, 2 * side * side).reshape(square);
        for (int step = 0; step < steps; step++) {
            product(gram, x, wide ? Transpose.NO : Transpose.YES, x, wide ? Transpose.YES : Transpose.NO, 1, 0, kernels);
            scaled(polynomial, b, gram, kernels);
            if (c != 0) {
                product(polynomial, gram, Transpose.NO, gram, Transpose.NO, c, 1, kernels);
            }
            kernels.elementwise().convert(old, x, Rounding.NEAREST_EVEN, 0);
            scaled(x, a, old, kernels);
            product(x, wide ? polynomial : old, Transpose.NO, wide ? old : polynomial, Transpose.NO, 1, 1, kernels);
        }
    }

    private static void product(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, float beta,
            Kernels kernels) {
        kernels.matmul().matmul(out, a, ta, b, tb, alpha, beta);
    }

    /** {@code out = factor x}. */
    private static void scaled(Tensor out, float factor, Tensor x, Kernels kernels) {
        kernels.elementwise().fill(out, 0);
        kernels.elementwise().axpy(out, factor, x);
    }
}
