package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Gradients over the root of the mean of their squares: {@code v = beta v + (1 - beta) g^2},
 * {@code p = p - lr (g / (sqrt(v) + eps) + weightDecay p)}. Without bias correction, so that the first steps are up to
 * {@code 1 / sqrt(1 - beta)} times too long: let the rate rise. 4 bytes of state for each parameter.
 *
 * @param lr learning rate
 * @param beta decay of the mean of squares, usually 0.99 per step at large batches
 * @param eps outside the root, usually 1e-8
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf">Hinton 2012, slide 29</a>
 */
public record RmsProp(Schedule lr, Decay beta, double eps, double weightDecay) implements UpdateRule {
    public RmsProp {
        if (!(eps > 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("rmsprop: eps " + eps + ", weight decay " + weightDecay
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
        s[UpdateKernels.KEEP] = (float) beta.perStep(context.tokensPerStep());
        s[UpdateKernels.TAKE] = (float) beta.complement(context.tokensPerStep());
        s[UpdateKernels.ROOT_EPSILON] = (float) eps;
        return s;
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().rootStep(parameter.value(), state.get("v"), gradient, scalars, rounding.mode(), rounding.key());
    }
}
