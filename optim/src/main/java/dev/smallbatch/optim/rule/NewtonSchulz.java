package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * Brings the singular values of a matrix close to 1 and leaves its singular vectors, by five steps of
 * {@code A = X X^T, X = 3.4445 X + (-4.775 A + 2.0315 A A) X} for a matrix of Euclidean norm at most 1, and the same from the
 * other side if it has more rows than columns. The polynomial is steep at 0 and not flat at 1: singular values from 0.01 on end
 * between 0.68 and 1.2, which is near enough.
 */
final class NewtonSchulz {
    private static final int STEPS = 5;
    private static final float A = 3.4445f;
    private static final float B = -4.775f;
    private static final float C = 2.0315f;

    private NewtonSchulz() {}

    /** Elements that {@link #orthogonalize} needs to work in: a matrix and two squares of its shorter side. */
    static long scratchSize(Shape matrix) {
        long side = Math.min(matrix.rows(), matrix.cols());
        return matrix.numel() + 2 * side * side;
    }

    /** Changes {@code x} in place; all zeros stay. */
    static void orthogonalize(Tensor x, Tensor scratch, Kernels kernels) {
        boolean wide = x.shape().rows() <= x.shape().cols();
        long side = Math.min(x.shape().rows(), x.shape().cols());
        Shape square = Shape.of(side, side);
        Tensor old = scratch.rows(0, x.numel()).reshape(x.shape());
        Tensor gram = scratch.rows(x.numel(), x.numel() + side * side).reshape(square);
        Tensor polynomial = scratch.rows(x.numel() + side * side, x.numel() + 2 * side * side).reshape(square);
        for (int step = 0; step < STEPS; step++) {
            product(gram, x, wide ? Transpose.NO : Transpose.YES, x, wide ? Transpose.YES : Transpose.NO, 1, 0, kernels);
            scaled(polynomial, B, gram, kernels);
            product(polynomial, gram, Transpose.NO, gram, Transpose.NO, C, 1, kernels);
            kernels.elementwise().convert(old, x, Rounding.NEAREST_EVEN, 0);
            scaled(x, A, old, kernels);
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
