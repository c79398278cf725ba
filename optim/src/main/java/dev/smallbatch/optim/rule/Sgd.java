package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.StepNumber;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Stochastic gradient descent: {@code p = p - lr (g + weightDecay p)}; with momentum the heavy-ball form
 * {@code m = momentum m + g}, {@code p = p - lr (m + weightDecay p)}, without a factor (1 - momentum) and without bias
 * correction. Without momentum it keeps no state at all.
 *
 * @param lr learning rate
 * @param momentum in [0, 1); 0 means none
 * @param weightDecay decoupled, of all tensors of the group
 */
public record Sgd(Schedule lr, double momentum, double weightDecay) implements UpdateRule {
    public Sgd {
        if (!(momentum >= 0 && momentum < 1)) {
            throw new IllegalArgumentException("sgd: momentum " + momentum + "; at least 0 and below 1");
        }
        if (!(weightDecay >= 0)) {
            throw new IllegalArgumentException("sgd: weight decay " + weightDecay + "; at least 0");
        }
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
        return UpdateKernels.SGD_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        double rate = lr.at(context.step());
        float[] s = new float[UpdateKernels.SGD_SLOTS];
        StepNumber.put(s, context.step());
        s[UpdateKernels.LEARNING_RATE] = (float) rate;
        s[UpdateKernels.GRADIENT_SCALE] = (float) context.gradientScale();
        s[UpdateKernels.DECAY] = (float) (rate * weightDecay);
        s[UpdateKernels.MOMENTUM] = (float) momentum;
        return s;
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, WeightRounding rounding,
            Kernels kernels) {
        kernels.update().sgdStep(parameter.value(), state.get("m"), gradient, scalars, rounding.mode(), rounding.key());
    }

    @Override
    public double learningRate(long step) {
        return lr.at(step);
    }
}
