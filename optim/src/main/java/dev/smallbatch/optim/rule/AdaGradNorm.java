package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Gradient descent whose one learning rate falls with all gradients so far: {@code b^2 = b^2 + |g|^2},
 * {@code p = p - lr (g / b + weightDecay p)}, |g| being the norm of the gradients of all parameters together, as they are
 * clipped. Gradients are therefore kept until the end of a step, and updates inside backward are refused. The sum of squares is
 * the same for every parameter; each has a copy in the bits of two floats, 8 bytes for a whole tensor.
 *
 * @param lr learning rate, large: it is divided by the root of the sum of all squares
 * @param b0 of the first update, above 0, usually 0.01 to 0.1
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://arxiv.org/abs/1806.01811">Ward, Wu and Bottou 2019, algorithm 1</a>
 */
public record AdaGradNorm(Schedule lr, double b0, double weightDecay) implements UpdateRule {
    public AdaGradNorm {
        if (!(b0 > 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("adagradnorm: b0 " + b0 + ", weight decay " + weightDecay
                    + "; b0 above 0, weight decay at least 0");
        }
    }

    @Override
    public boolean needsAllGradients() {
        return true;
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        SequencedMap<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("sum", Shape.of(2));
        return OptimizerState.zeros(region, shapes);
    }

    @Override
    public long scratchSize(Parameter parameter) {
        return scalarCount();
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.MOMENTUM_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        return context.momentum(context.value(lr), weightDecay, 0, 0, 0, 1);
    }

    /** The numbers of the step with b in the learning rate. */
    @Override
    public void prepare(Parameter parameter, Tensor gradient, OptimizerState state, StepContext context, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        double sum = sum(state) + context.gradientNorm() * context.gradientNorm();
        state.get("sum").copyFrom(new float[] {(float) sum, (float) (sum - (float) sum)});
        float[] s = scalars(context);
        s[UpdateKernels.LEARNING_RATE] = (float) (context.value(lr) / Math.sqrt(b0 * b0 + sum));
        scratch.rows(0, s.length).copyFrom(s);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().sgdStep(parameter.value(), null, gradient, scratch.rows(0, scalarCount()), rounding.mode(),
                rounding.key());
    }

    /** Squared norms added up so far; the second float is what the first rounds away. */
    static double sum(OptimizerState state) {
        return (double) state.get("sum").getFlat(0) + state.get("sum").getFlat(1);
    }
}
