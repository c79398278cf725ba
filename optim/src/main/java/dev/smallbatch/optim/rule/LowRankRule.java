package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.schedule.Schedule;

/** What does not differ among the rules on a {@link LowRank} projection. */
sealed interface LowRankRule extends UpdateRule permits GaLore, Fira, Apollo {
    /** The projection, and Adam's numbers on it. */
    LowRank lowRank();

    @Override
    default long scratchSize(Parameter parameter) {
        Shape shape = parameter.value().shape();
        return Math.max(SingularVectors.scratchSize(shape, lowRank().projector(shape).rows()),
                LowRankStep.scratchSize(lowRank(), shape));
    }

    /** Singular vectors of the gradient become the projector if it is time. */
    @Override
    default void prepare(Parameter parameter, Tensor gradient, OptimizerState state, StepContext context, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        if (lowRank().isDue(state.get("projector"), context)) {
            SingularVectors.top(state.get("projector"), gradient, lowRank().key(context, rounding), scratch, kernels);
        }
    }

    @Override
    default int scalarCount() {
        return LowRank.SLOTS;
    }

    @Override
    default float[] scalars(StepContext context) {
        return lowRank().scalars(context);
    }

    @Override
    default Schedule lr() {
        return lowRank().adam().lr();
    }
}
