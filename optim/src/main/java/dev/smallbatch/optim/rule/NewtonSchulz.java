package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * Brings the singular values of a matrix close to 1 and leaves its singular vectors, by steps of
 * {@code A = X X^T, X = a X + (b A + c A A) X} for a matrix of Euclidean norm at most 1, and the same from the other side if it
 * has more rows than columns. Directions that the matrix has not got, it does not get.
 *
 * <p>With {@code P = a I + b A + c A A} a step is {@code X = P X}, after which A is {@code P A P}: for a long matrix several steps
 * are made with squares alone, and X is multiplied by all their P at once. Errors of A grow as the smallest singular values do, by
 * {@code a^2} a step: hence four steps at most, with which results are about as exact as with one; and none of what
 * does not settle (c = 0), whose end depends on rounding.
 *
 * @param steps how often
 * @param a factor of X
 * @param b factor of {@code A X}
 * @param c factor of {@code A A X}; with 0 a step makes a product less
 * @see <a href="https://dao-lab.ai/blog/2026/gram-newton-schulz">Gram Newton-Schulz, 2026</a>
 */
record NewtonSchulz(int steps, float a, float b, float c) {
    /**
     * Muon's: steep at 0 and not flat at 1, so that singular values from 0.01 on end between 0.68 and 1.2, which is near enough.
     */
    static final NewtonSchulz QUINTIC = new NewtonSchulz(5, 3.4445f, -4.775f, 2.0315f);
    private static final int STEPS_AT_ONCE = 4;

    /**
     * {@code X = beta (3 X - X X^T X)}: what the iteration of two matrices {@code Y = beta Y M, Z = beta M Z, M = 3 I - Z Y}
     * from {@code Y = X X^T, Z = I} makes of {@code Z X}, since {@code Z Y} remains {@code (Z X) (Z X)^T}. With beta 0.5 it
     * converges to singular values of 1; with 0.8 small ones grow faster and all end between 0.56 and 1.6.
     */
    static NewtonSchulz cubic(double beta, int steps) {
        return new NewtonSchulz(steps, (float) (3 * beta), (float) -beta, 0);
    }

    /** Elements that {@link #orthogonalize} needs for squares of each matrix' shorter side. */
    static long squaresSize(Shape matrix) {
        long side = Math.min(matrix.rows(), matrix.cols());
        return (isLong(matrix) ? 4 : 2) * side * side;
    }

    /** Whether several steps of squares take less than those of the matrix: from about 1.5 times as long as wide. */
    private static boolean isLong(Shape matrix) {
        return 2 * Math.max(matrix.rows(), matrix.cols()) > 3 * Math.min(matrix.rows(), matrix.cols());
    }

    /**
     * Changes every matrix of a stack; all zeros stay.
     *
     * @param x (count, rows, columns), overwritten
     * @param other of the size of x, overwritten
     * @param squares to work in, count times {@link #squaresSize}
     * @return where the result is: x, or {@code other} in its shape
     */
    Tensor orthogonalize(Tensor x, Tensor other, Tensor squares, Kernels kernels) {
        Shape matrix = Shape.of(x.shape().dim(1), x.shape().dim(2));
        boolean wide = matrix.rows() <= matrix.cols();
        long side = Math.min(matrix.rows(), matrix.cols());
        Shape square = Shape.of(x.shape().dim(0), side, side);
        Tensor[] room = new Tensor[(int) (squaresSize(matrix) / (side * side))];
        for (int i = 0; i < room.length; i++) {
            room[i] = squares.rows(i * square.numel(), (i + 1) * square.numel()).reshape(square);
        }
        int passes = isLong(matrix) && c != 0 ? (steps + STEPS_AT_ONCE - 1) / STEPS_AT_ONCE : steps;
        Tensor from = x;
        Tensor to = other.reshape(x.shape());
        for (int pass = 0; pass < passes; pass++) {
            int count = ((pass + 1) * steps + passes - 1) / passes - (pass * steps + passes - 1) / passes;
            Tensor gram = room[0];
            kernels.matmul().matmulEach(gram, from, wide ? Transpose.NO : Transpose.YES, from,
                    wide ? Transpose.YES : Transpose.NO, 1, null, 0);
            Tensor q = c == 0 ? gram : factor(room, count, kernels);
            product(to, wide ? q : from, wide ? from : q, c == 0 ? b : 1, from, (float) Math.pow(a, count), kernels);
            Tensor done = to;
            to = from;
            from = done;
        }
        return from;
    }

    /** What X is multiplied by in so many steps, less {@code a^count I}; of A in the first square, which it overwrites. */
    private Tensor factor(Tensor[] room, int count, Kernels kernels) {
        Tensor gram = room[0];
        Tensor q = room[1];
        Tensor p = q; // P less a I
        product(p, gram, gram, c, gram, b, kernels);
        for (int i = 1; i < count; i++) {
            Tensor next = room[i % 2 == 1 ? 3 : 1];
            product(next, p, gram, 1, gram, a, kernels);
            product(gram, p, next, 1, next, a, kernels);
            p = room[2];
            product(p, gram, gram, c, gram, b, kernels);
            product(next, p, q, 1, q, a, kernels);
            kernels.elementwise().axpy(next, (float) Math.pow(a, i), p);
            q = next;
        }
        return q;
    }

    private static void product(Tensor out, Tensor a, Tensor b, float alpha, Tensor c, float beta, Kernels kernels) {
        kernels.matmul().matmulEach(out, a, Transpose.NO, b, Transpose.NO, alpha, c, beta);
    }
}
