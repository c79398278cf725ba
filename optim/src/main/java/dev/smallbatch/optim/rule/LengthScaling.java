package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.ValueLayout;

/**
 * Gives gradients the lengths that Adam makes of a projection of them, in one update of one matrix: with R and u of
 * {@link LowRank}, h being the gradient's scale, {@code h |u| / (h |R| + 1e-8)}.
 */
final class LengthScaling {
    /** Most that a step may be longer than the last. */
    private static final double GROWTH = 1.01;
    private static final double EPSILON = 1e-8;

    private final Tensor projected;
    private final Tensor direction;
    private final Tensor scratch;
    private final double gradientScale;
    private final Kernels kernels;

    LengthScaling(LowRank.Work work, Tensor scalars, Kernels kernels) {
        this.projected = work.projected();
        this.direction = work.direction();
        this.scratch = work.rest();
        this.gradientScale = scalars.getFlat(UpdateKernels.GRADIENT_SCALE);
        this.kernels = kernels;
    }

    /** Elements to work in: a copy of the matrix, a number for each row and each column, and one more. */
    static long scratchSize(Shape matrix) {
        return matrix.numel() + matrix.rows() + matrix.cols() + 1;
    }

    /** The factor of what {@code count} elements of R and u stand for, from one on, so far apart. */
    double ratio(long from, long apart, long count) {
        return gradientScale * length(direction, from, apart, count)
                / (gradientScale * length(projected, from, apart, count) + EPSILON);
    }

    private static double length(Tensor x, long from, long apart, long count) {
        double squares = 0;
        for (long i = 0; i < count; i++) {
            double value = x.segment().getAtIndex(ValueLayout.JAVA_FLOAT, from + i * apart);
            squares += value * value;
        }
        return Math.sqrt(squares);
    }

    /**
     * Every row of a tall or square matrix, every column of a wide one, times its factor. The factors are spread to a matrix as
     * a product with ones, and multiplied as the slope {@code 2 x} that a squared ReLU has at the half of them.
     *
     * @param out may be x
     */
    void scaleChannels(Tensor out, Tensor x) {
        long rows = x.shape().rows();
        long cols = x.shape().cols();
        boolean tall = LowRank.isTall(x.shape());
        Tensor spread = LowRank.piece(scratch, 0, rows, cols);
        Tensor left = LowRank.piece(scratch, rows * cols, rows, 1);
        Tensor right = LowRank.piece(scratch, rows * cols + rows, 1, cols);
        Tensor factors = tall ? left : right;
        long kept = projected.numel() / factors.numel();
        for (long i = 0; i < factors.numel(); i++) {
            double factor = tall ? ratio(i * kept, 1, kept) : ratio(i, cols, kept);
            factors.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (factor / 2));
        }
        kernels.elementwise().fill(tall ? right : left, 1);
        kernels.matmul().matmul(spread, left, Transpose.NO, right, Transpose.NO, 1, 0);
        kernels.activation().activateBackward(out, x, spread, Activation.RELU_SQUARED);
    }

    /**
     * What shortens a step to the length it may have, and remembers it. A step of length 0 is forgotten, so that the next is
     * not held to it.
     *
     * @param factor of x in the step
     */
    double limit(double factor, Tensor x, OptimizerState state) {
        Tensor squares = scratch.rows(x.numel(), x.numel() + 1);
        kernels.elementwise().sumOfSquares(squares, x);
        double length = factor * Math.sqrt(squares.getFlat(0));
        double before = state.get("norm").getFlat(0);
        double shortened = before == 0 ? 1 : Math.min(1, GROWTH * (before + EPSILON) / length);
        if (length > 0) {
            kernels.elementwise().fill(state.get("norm"), (float) (length * shortened));
        }
        return shortened;
    }
}
