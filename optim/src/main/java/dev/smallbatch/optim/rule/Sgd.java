package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Stochastic gradient descent: {@code p = p - lr (g + weightDecay p)}; with momentum the heavy-ball form
 * {@code m = momentum m + g}, {@code p = p - lr (m + weightDecay p)}, without a factor (1 - momentum) and without bias
 * correction; with Nesterov's {@code g + momentum m} in the place of m. Without momentum it keeps no state at all, else 4
 * bytes for each parameter.
 *
 * @param lr learning rate; with momentum a step is up to {@code 1 / (1 - momentum)} times as long
 * @param momentum in [0, 1); 0 means none
 * @param nesterov whether the step looks one step ahead; needs momentum
 * @param weightDecay decoupled, of all tensors of the group
 */
public record Sgd(Schedule lr, double momentum, boolean nesterov, double weightDecay) implements UpdateRule {
    public Sgd {
        if (!(momentum >= 0 && momentum < 1)) {
            throw new IllegalArgumentException("sgd: momentum " + momentum + "; at least 0 and below 1");
        }
        if (nesterov && momentum == 0) {
            throw new IllegalArgumentException("sgd: nesterov with momentum 0; above 0 and below 1");
        }
        if (!(weightDecay >= 0)) {
            throw new IllegalArgumentException("sgd: weight decay " + weightDecay + "; at least 0");
        }
    }

    /** Heavy-ball momentum, or none. */
    public Sgd(Schedule lr, double momentum, double weightDecay) {
        this(lr, momentum, false, weightDecay);
    }

    /** Without momentum and decay. */
    public Sgd(Schedule lr) {
        this(lr, 0, 0);
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
        double ahead = nesterov ? momentum : 1;
        double now = nesterov ? 1 + momentum : 1;
        return context.momentum(context.value(lr), weightDecay, momentum, 1, momentum * ahead, now);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().sgdStep(parameter.value(), state.get("m"), gradient, scalars, rounding.mode(), rounding.key());
    }
}
