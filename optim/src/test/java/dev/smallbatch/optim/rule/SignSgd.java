package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Steps by the sign of the gradient: {@code p = p - lr (sign(g) + weightDecay p)}, sign(0) being 0. No state.
 *
 * @param lr learning rate: the length of every step along every axis
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://arxiv.org/abs/1802.04434">Bernstein et al. 2018</a>
 */
public record SignSgd(Schedule lr, double weightDecay) implements UpdateRule {
    public SignSgd {
        if (!(weightDecay >= 0)) {
            throw new IllegalArgumentException("sign-sgd: weight decay " + weightDecay + "; at least 0");
        }
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return OptimizerState.none();
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.MOMENTUM_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        return context.momentum(context.value(lr), weightDecay, 0, 0, 0, 1);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().signStep(parameter.value(), null, gradient, scalars, rounding.mode(), rounding.key());
    }
}
