package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Steps by the sign of an average that the gradient has more weight in than in the average kept:
 * {@code u = sign(beta1 m + (1 - beta1) g)}, {@code m = beta2 m + (1 - beta2) g}, {@code p = p - lr (u + weightDecay p)}, m in
 * the first being the old one. 4 bytes of state for each parameter.
 *
 * @param lr learning rate: the length of every step along every axis, 3 to 10 times smaller than Adam's
 * @param beta1 decay in the step, usually 0.9
 * @param beta2 decay of the average, usually 0.99
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://arxiv.org/abs/2302.06675">Chen et al. 2023</a>
 */
public record Lion(Schedule lr, Decay beta1, Decay beta2, double weightDecay) implements UpdateRule {
    public Lion {
        if (!(weightDecay >= 0)) {
            throw new IllegalArgumentException("lion: weight decay " + weightDecay + "; at least 0");
        }
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return OptimizerState.zeros(parameter, region, "m");
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.MOMENTUM_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        long tokens = context.tokensPerStep();
        return context.momentum(context.value(lr), weightDecay, beta2.perStep(tokens), beta2.complement(tokens),
                beta1.perStep(tokens), beta1.complement(tokens));
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().signStep(parameter.value(), state.get("m"), gradient, scalars, rounding.mode(), rounding.key());
    }
}
