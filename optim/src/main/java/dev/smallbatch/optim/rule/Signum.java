package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Steps by the sign of the momentum: {@code m = momentum m + g}, {@code p = p - lr (sign(m) + weightDecay p)}, sign(0) being 0.
 * A moving average in the place of m has the same sign. 4 bytes of state for each parameter; without momentum none.
 *
 * @param lr learning rate: the length of every step along every axis
 * @param momentum in [0, 1); 0 means the sign of the gradient
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://arxiv.org/abs/1802.04434">Bernstein et al. 2018</a>
 */
public record Signum(Schedule lr, double momentum, double weightDecay) implements UpdateRule {
    public Signum {
        if (!(momentum >= 0 && momentum < 1) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("signum: momentum " + momentum + ", weight decay " + weightDecay
                    + "; momentum at least 0 and below 1, weight decay at least 0");
        }
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return momentum == 0 ? OptimizerState.none() : OptimizerState.zeros(parameter, region, "m");
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.MOMENTUM_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        return context.momentum(context.value(lr), weightDecay, momentum, 1, momentum, 1);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().signStep(parameter.value(), state.get("m"), gradient, scalars, rounding.mode(), rounding.key());
    }
}
