package dev.smallbatch.optim;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.rule.OptimizerState;
import dev.smallbatch.optim.rule.StepContext;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.rule.WeightRounding;
import dev.smallbatch.optim.schedule.Schedule;

/** Another rule on gradients that are divided by the norm of all of them together. */
public record ByNorm(UpdateRule rule) implements UpdateRule {
    @Override
    public boolean needsAllGradients() {
        return true;
    }

    @Override
    public float[] scalars(StepContext context) {
        return rule.scalars(context.scaled(1 / context.gradientNorm()));
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return rule.init(parameter, region);
    }

    @Override
    public int scalarCount() {
        return rule.scalarCount();
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        rule.update(parameter, gradient, state, scalars, scratch, rounding, kernels);
    }

    @Override
    public Schedule lr() {
        return rule.lr();
    }
}
