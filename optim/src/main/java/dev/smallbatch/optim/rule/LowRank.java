package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.rand.RandomKey;
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
 * matrices, as attention has for its heads, is projected as the one that it is stored as: a head has hardly more dimensions than
 * are kept. The authors, who store queries, keys and values apart, have a projector for each of the three.
 *
 * @param adam learning rate, decays, eps (usually 1e-6) and weight decay
 * @param rank dimensions kept, but at most the shorter side
 * @param every steps that a projector is used for, usually 200; the means stay as they are when it changes
 */
public record LowRank(AdamW adam, int rank, int every) {
    static final int SLOTS = UpdateKernels.ADAMW_SLOTS + 2 * UpdateKernels.MOMENTUM_SLOTS;

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

    Shape projector(Shape matrix) {
        long side = Math.min(matrix.rows(), matrix.cols());
        return Shape.of(Math.min(rank, side), side);
    }

    Shape projected(Shape matrix) {
        long kept = projector(matrix).rows();
        return LowRankStep.isTall(matrix) ? Shape.of(matrix.rows(), kept) : Shape.of(kept, matrix.cols());
    }

    /** The numbers of u, of the parameter's step, and of {@link #constants}. */
    float[] scalars(StepContext context) {
        double rate = context.value(adam.lr());
        double step = rate * Math.sqrt(context.biasCorrection(adam.beta2())) / context.biasCorrection(adam.beta1());
        float[] all = Arrays.copyOf(adam.scalars(context), SLOTS);
        all[UpdateKernels.LEARNING_RATE] = -1;
        all[UpdateKernels.DECAY] = 0;
        all[UpdateKernels.CORRECTION1] = 1;
        all[UpdateKernels.CORRECTION2_ROOT] = 1;
        float[] last = context.scalars(UpdateKernels.MOMENTUM_SLOTS, rate, adam.weightDecay());
        last[UpdateKernels.LEARNING_RATE] = (float) (step * (1 - rate * adam.weightDecay()));
        System.arraycopy(last, 0, all, UpdateKernels.ADAMW_SLOTS, last.length);
        float[] constants = new StepContext(0, 1).scalars(UpdateKernels.MOMENTUM_SLOTS, -1, 0);
        constants[UpdateKernels.KEEP] = 1;
        constants[UpdateKernels.ROOT_EPSILON] = 1e-8f;
        System.arraycopy(constants, 0, all, SLOTS - constants.length, constants.length);
        return all;
    }

    /** The numbers of a step from zeros by rate -1 that leaves squares as they are. */
    static Tensor constants(Tensor scalars) {
        return scalars.rows(SLOTS - UpdateKernels.MOMENTUM_SLOTS, SLOTS);
    }

    /** For the random numbers of a projector: a function of seed, parameter and how many there were before it. */
    RandomKey key(StepContext context, WeightRounding rounding) {
        return RandomKey.of(rounding.key()).fork("projector").at(context.step() / every);
    }

    /** Whether it is time for a new projector, or there is none: its rows have length 1 but before the first gradient. */
    boolean isDue(Tensor projector, StepContext context) {
        for (long i = 0; i < projector.shape().cols(); i++) {
            if (projector.getFlat(i) != 0) {
                return context.step() % every == 0;
            }
        }
        return true;
    }
}
