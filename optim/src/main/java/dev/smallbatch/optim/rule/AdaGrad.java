package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Gradients over the root of the sum of all their squares so far: {@code v = v + g^2},
 * {@code p = p - lr (g / (sqrt(v) + eps) + weightDecay p)}. 4 bytes of state for each parameter.
 *
 * @param lr learning rate
 * @param eps outside the root, usually 1e-10
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://jmlr.org/papers/v12/duchi11a.html">Duchi et al. 2011</a>
 */
public record AdaGrad(Schedule lr, double eps, double weightDecay) implements UpdateRule {
    public AdaGrad {
        if (!(eps > 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("adagrad: eps " + eps + ", weight decay " + weightDecay
                    + "; eps above 0, weight decay at least 0");
        }
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return OptimizerState.zeros(parameter, region, "v");
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.ROOT_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        float[] s = context.scalars(UpdateKernels.ROOT_SLOTS, context.value(lr), weightDecay);
        s[UpdateKernels.KEEP] = 1;
        s[UpdateKernels.TAKE] = 1;
        s[UpdateKernels.ROOT_EPSILON] = (float) eps;
        return s;
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().rootStep(parameter.value(), state.get("v"), gradient, scalars, rounding.mode(), rounding.key());
    }
}
