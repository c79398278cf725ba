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
    private static final int SQUARED_NORM = UpdateKernels.MOMENTUM_SLOTS;

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
    public int scalarCount() {
        return SQUARED_NORM + 1;
    }

    @Override
    public float[] scalars(StepContext context) {
        float[] s = context.scalars(scalarCount(), context.value(lr), weightDecay);
        s[SQUARED_NORM] = (float) (context.gradientNorm() * context.gradientNorm());
        return s;
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        Shape shape = parameter.value().shape();
        double sum = sum(state) + scalars.getFlat(SQUARED_NORM);
        state.get("sum").copyFrom(new float[] {(float) sum, (float) (sum - (float) sum)});
        double factor = scalars.getFlat(UpdateKernels.GRADIENT_SCALE) / Math.sqrt(b0 * b0 + sum);
        kernels.update().muonStep(parameter.value(), gradient.reshape(Shape.of(1, 1, shape.rows(), shape.cols())),
                scalars.rows(0, UpdateKernels.MOMENTUM_SLOTS), (float) factor, rounding.mode(), rounding.key());
    }

    /** Squared norms added up so far; the second float is what the first rounds away. */
    static double sum(OptimizerState state) {
        return (double) state.get("sum").getFlat(0) + state.get("sum").getFlat(1);
    }
}
