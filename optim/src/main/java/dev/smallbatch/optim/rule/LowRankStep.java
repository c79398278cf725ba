package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** One update of one matrix by a {@link LowRankRule}: R and u, and what they tell of the gradient's length. */
final class LowRankStep {
    /** Most that a step may be longer than the last. */
    private static final float GROWTH = 1.01f;
    /** Numbers for each row of a tall or square matrix, each column of a wide one. */
    private static final int LINES = 4;

    private final Tensor scalars;
    private final Kernels kernels;
    private final boolean tall;
    private final Tensor projector;
    private final Tensor projected;
    private final Tensor direction;
    private final Tensor spare;
    private final Tensor full;
    private final Tensor lines;
    private final Tensor ones;
    private Tensor factors;

    /**
     * Projects the gradient and lets Adam make u of it.
     *
     * @param scratch of {@link #scratchSize}, the first of them a projector if the state has none
     */
    LowRankStep(LowRank lowRank, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch, Kernels kernels) {
        Shape matrix = gradient.shape();
        Shape drawn = lowRank.projector(matrix);
        Shape few = lowRank.projected(matrix);
        this.scalars = scalars;
        this.kernels = kernels;
        tall = isTall(matrix);
        projector = state.get("projector") == null ? piece(scratch, 0, drawn) : state.get("projector");
        projected = piece(scratch, drawn.numel(), few);
        direction = piece(scratch, drawn.numel() + few.numel(), few);
        spare = piece(scratch, drawn.numel() + 2 * few.numel(), few);
        full = piece(scratch, drawn.numel() + 3 * few.numel(), Shape.of(matrix.rows(), matrix.cols()));
        lines = piece(scratch, drawn.numel() + 3 * few.numel() + full.numel(), Shape.of(LINES, longer(matrix)));
        ones = line(0);
        project(projected, gradient, projector, kernels);
        kernels.elementwise().fill(direction, 0);
        kernels.update().adamWStep(direction, state.get("m"), state.get("v"), projected,
                scalars.rows(0, UpdateKernels.ADAMW_SLOTS), Rounding.NEAREST_EVEN, 0);
    }

    /** Elements to work in. */
    static long scratchSize(LowRank lowRank, Shape matrix) {
        return lowRank.projector(matrix).numel() + 3 * lowRank.projected(matrix).numel() + matrix.numel()
                + LINES * longer(matrix);
    }

    static boolean isTall(Shape matrix) {
        return matrix.rows() >= matrix.cols();
    }

    private static long longer(Shape matrix) {
        return Math.max(matrix.rows(), matrix.cols());
    }

    /** The elements of {@code scratch} from one on. */
    static Tensor piece(Tensor scratch, long from, Shape shape) {
        return scratch.rows(from, from + shape.numel()).reshape(shape);
    }

    private Tensor line(int index) {
        return lines.rows(index, index + 1).reshape(Shape.of(lines.shape().cols()));
    }

    /** {@code R = G P^T} of a tall or square matrix, {@code R = P G} of a wide one. */
    static void project(Tensor out, Tensor gradient, Tensor projector, Kernels kernels) {
        if (isTall(gradient.shape())) {
            kernels.matmul().matmul(out, gradient, Transpose.NO, projector, Transpose.YES, 1, 0);
        } else {
            kernels.matmul().matmul(out, projector, Transpose.NO, gradient, Transpose.NO, 1, 0);
        }
    }

    /** Makes the step {@code keep} (0 or 1) times what it is, plus {@code factor} times what is projected as a matrix again. */
    private void back(Tensor few, float factor, float keep) {
        if (tall) {
            kernels.matmul().matmul(full, few, Transpose.NO, projector, Transpose.NO, factor, keep);
        } else {
            kernels.matmul().matmul(full, projector, Transpose.YES, few, Transpose.NO, factor, keep);
        }
    }

    /** Makes u the step. */
    void takeDirection() {
        back(direction, 1, 0);
    }

    /** Adds {@code scale} times u to the step. */
    void addDirection(double scale) {
        back(direction, (float) scale, 1);
    }

    /** Makes the gradient the step, as long as Adam would make it; of a matrix as a whole or each row or column by itself. */
    void takeGradient(Tensor gradient, boolean channels) {
        measure(channels);
        scale(full, gradient.reshape(full.shape()));
    }

    /** Makes the step what the projector leaves of the gradient, each row or column as long as Adam would make it. */
    void takeRest(Tensor gradient) {
        takeGradient(gradient, true);
        scale(spare, projected);
        back(spare, -1, 1);
    }

    /** Shortens the step to at most 1.01 times its length in the last update. */
    void limit(OptimizerState state) {
        kernels.elementwise().limitGrowth(full, state.get("norm"), GROWTH);
    }

    /** {@code factors = |u| / (|R| + 1e-8)}, a root of squares being such a quotient itself. */
    private void measure(boolean channels) {
        long count = channels ? ones.numel() : 1;
        Tensor squares = line(1).rows(0, count);
        Tensor other = line(2).rows(0, count);
        Tensor lengths = line(3).rows(0, count);
        kernels.elementwise().fill(ones, 1);
        squares(squares, direction, channels);
        kernels.elementwise().convert(other, squares, Rounding.NEAREST_EVEN, 0);
        divideByRoot(lengths, squares, other);
        squares(squares, projected, channels);
        divideByRoot(other, lengths, squares);
        factors = channels ? other : line(1);
        if (!channels) {
            kernels.matmul().matmul(column(factors), column(ones), Transpose.NO, column(other), Transpose.NO, 1, 0);
        }
    }

    private void squares(Tensor out, Tensor x, boolean channels) {
        if (channels) {
            kernels.elementwise().fill(spare, 0);
            kernels.elementwise().addProduct(spare, 0, 1, x, x);
            kernels.matmul().matmul(column(out), spare, tall ? Transpose.NO : Transpose.YES,
                    column(ones.rows(0, projector.shape().rows())), Transpose.NO, 1, 0);
        } else {
            kernels.elementwise().sumOfSquares(out, x);
        }
    }

    private static Tensor column(Tensor x) {
        return x.reshape(Shape.of(x.numel(), 1));
    }

    private void divideByRoot(Tensor out, Tensor x, Tensor squares) {
        kernels.elementwise().fill(out, 0);
        kernels.update().rootStep(out, squares, x, LowRank.constants(scalars).rows(0, UpdateKernels.ROOT_SLOTS),
                Rounding.NEAREST_EVEN, 0);
    }

    /** Rows of a tall or square matrix, columns of a wide one times their factors. */
    private void scale(Tensor out, Tensor x) {
        Tensor r = column((tall ? factors : ones).rows(0, x.shape().rows()));
        Tensor c = (tall ? ones : factors).rows(0, x.shape().cols()).reshape(Shape.of(1, x.shape().cols()));
        kernels.elementwise().fill(out, 0);
        kernels.update().balancedStep(out, r, c, x, LowRank.constants(scalars), Rounding.NEAREST_EVEN, 0);
    }

    /** Moves the parameter by {@code factor} times the step. */
    void apply(Parameter parameter, double factor, WeightRounding rounding) {
        kernels.update().muonStep(parameter.value(), full.reshape(Shape.of(1, 1, full.shape().rows(), full.shape().cols())),
                scalars.rows(UpdateKernels.ADAMW_SLOTS, LowRank.SLOTS - UpdateKernels.MOMENTUM_SLOTS), (float) factor,
                rounding.mode(), rounding.key());
    }
}
