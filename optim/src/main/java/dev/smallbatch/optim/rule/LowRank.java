package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.StepNumber;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * What {@link GaLore}, {@link Fira} and {@link Apollo} share: Adam on a few dimensions of a matrix's gradient. The projector P
 * has {@code rank} rows along the shorter side of the (M, N) matrix: {@code R = G P^T} if it is tall or square (M >= N), else
 * {@code R = P G}. Adam's direction is {@code u = m / (sqrt(v) + eps)} with the means m and v of R; both bias corrections are
 * in the step, {@code lr sqrt(1 - beta2^k) / (1 - beta1^k)}, so that eps is larger than {@link AdamW}'s in effect. As in
 * their authors' code weights decay after the step: {@code p = (1 - lr weightDecay) (p - step)}. A parameter of several
 * matrices, as attention has for its heads, is projected as the one that it is stored as.
 *
 * @param adam learning rate, decays, eps (usually 1e-6) and weight decay
 * @param rank dimensions kept, but at most the shorter side
 * @param every steps that a projector is used for, usually 200; the means stay as they are when it changes
 */
public record LowRank(AdamW adam, int rank, int every) {
    static final int SLOTS = UpdateKernels.ADAMW_SLOTS + UpdateKernels.MOMENTUM_SLOTS;

    public LowRank {
        if (rank < 1 || every < 1) {
            throw new IllegalArgumentException("low rank: rank " + rank + ", a new projector every " + every
                    + " steps; both at least 1");
        }
    }

    /** The means m and v, with a projector and with the length of the last step if the rule keeps them. */
    OptimizerState init(String rule, Parameter parameter, Region region, boolean projector, boolean norm) {
        Shape shape = parameter.value().shape();
        if (shape.rank() < 2) {
            throw new IllegalArgumentException(rule + ": " + parameter + " is no matrix; put it into a group with another rule");
        }
        SequencedMap<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("m", projected(shape));
        shapes.put("v", projected(shape));
        if (projector) {
            shapes.put("projector", projector(shape));
        }
        if (norm) {
            shapes.put("norm", Shape.of(1));
        }
        return OptimizerState.zeros(region, shapes);
    }

    static boolean isTall(Shape matrix) {
        return matrix.rows() >= matrix.cols();
    }

    Shape projector(Shape matrix) {
        long side = Math.min(matrix.rows(), matrix.cols());
        return Shape.of(Math.min(rank, side), side);
    }

    Shape projected(Shape matrix) {
        long kept = projector(matrix).rows();
        return isTall(matrix) ? Shape.of(matrix.rows(), kept) : Shape.of(kept, matrix.cols());
    }

    /**
     * What an update works in.
     *
     * @param projected R
     * @param direction u
     * @param full of the matrix's shape
     * @param rest what is left
     */
    record Work(Tensor projected, Tensor direction, Tensor full, Tensor rest) {}

    Work work(Tensor scratch, Shape matrix) {
        Shape few = projected(matrix);
        long full = 2 * few.numel();
        return new Work(piece(scratch, 0, few.rows(), few.cols()), piece(scratch, few.numel(), few.rows(), few.cols()),
                piece(scratch, full, matrix.rows(), matrix.cols()), scratch.rows(full + matrix.numel(), scratch.numel()));
    }

    /** The elements of {@code scratch} from one on, as a matrix. */
    static Tensor piece(Tensor scratch, long from, long rows, long cols) {
        return scratch.rows(from, from + rows * cols).reshape(Shape.of(rows, cols));
    }

    /** The numbers of {@link #direction}, then those of {@link #apply}. */
    float[] scalars(StepContext context) {
        float[] s = Arrays.copyOf(adam.scalars(context), SLOTS);
        s[UpdateKernels.LEARNING_RATE] = -1;
        s[UpdateKernels.DECAY] = 0;
        s[UpdateKernels.CORRECTION1] = 1;
        s[UpdateKernels.CORRECTION2_ROOT] = 1;
        double rate = context.value(adam.lr());
        double step = rate * Math.sqrt(context.biasCorrection(adam.beta2())) / context.biasCorrection(adam.beta1());
        float[] last = context.scalars(UpdateKernels.MOMENTUM_SLOTS, rate, adam.weightDecay());
        last[UpdateKernels.LEARNING_RATE] = (float) (step * (1 - rate * adam.weightDecay()));
        System.arraycopy(last, 0, s, UpdateKernels.ADAMW_SLOTS, last.length);
        return s;
    }

    /** For the random numbers of a projector: a function of seed, parameter and how many there were before it. */
    RandomKey key(Tensor scalars, WeightRounding rounding) {
        return RandomKey.of(rounding.key()).fork("projector").at(StepNumber.get(scalars) / every);
    }

    /** Singular vectors of the gradient become the projector if it is time, or if there is none. */
    void renew(Tensor projector, Tensor gradient, Tensor scalars, Tensor scratch, WeightRounding rounding, Kernels kernels) {
        if (StepNumber.get(scalars) % every == 0 || isMissing(projector)) {
            SingularVectors.top(projector, gradient, key(scalars, rounding), scratch, kernels);
        }
    }

    /** Rows of a projector have length 1; a parameter that got no gradient when it was time has none. */
    private static boolean isMissing(Tensor projector) {
        for (long i = 0; i < projector.shape().cols(); i++) {
            if (projector.getFlat(i) != 0) {
                return false;
            }
        }
        return true;
    }

    /** R. */
    static void project(Tensor out, Tensor gradient, Tensor projector, Kernels kernels) {
        if (isTall(gradient.shape())) {
            kernels.matmul().matmul(out, gradient, Transpose.NO, projector, Transpose.YES, 1, 0);
        } else {
            kernels.matmul().matmul(out, projector, Transpose.NO, gradient, Transpose.NO, 1, 0);
        }
    }

    /** {@code factor} times what is projected as a matrix again, plus {@code keep} (0 or 1) times what was there. */
    static void back(Tensor out, Tensor projected, Tensor projector, float factor, float keep, Kernels kernels) {
        if (isTall(out.shape())) {
            kernels.matmul().matmul(out, projected, Transpose.NO, projector, Transpose.NO, factor, keep);
        } else {
            kernels.matmul().matmul(out, projector, Transpose.YES, projected, Transpose.NO, factor, keep);
        }
    }

    /** u, of R. */
    static void direction(Tensor out, Tensor projected, OptimizerState state, Tensor scalars, Kernels kernels) {
        kernels.elementwise().fill(out, 0);
        kernels.update().adamWStep(out, state.get("m"), state.get("v"), projected, scalars.rows(0, UpdateKernels.ADAMW_SLOTS),
                Rounding.NEAREST_EVEN, 0);
    }

    /** A step by {@code factor} times x. */
    static void apply(Parameter parameter, Tensor x, double factor, Tensor scalars, WeightRounding rounding, Kernels kernels) {
        Shape shape = parameter.value().shape();
        kernels.update().muonStep(parameter.value(), x.reshape(Shape.of(1, 1, shape.rows(), shape.cols())),
                scalars.rows(UpdateKernels.ADAMW_SLOTS, SLOTS), (float) factor, rounding.mode(), rounding.key());
    }
}
