package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.optim.schedule.Schedule;

/** What does not differ among the rules on a {@link LowRank} projection. */
sealed interface LowRankRule extends UpdateRule permits GaLore, Fira, Apollo {
    /** The projection, and Adam's numbers on it. */
    LowRank lowRank();

    @Override
    default long scratchSize(Parameter parameter) {
        Shape shape = parameter.value().shape();
        return Math.max(SingularVectors.scratchSize(shape, lowRank().projector(shape).rows()),
                2 * lowRank().projected(shape).numel() + shape.numel());
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
