package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;

/** A rule at work on one parameter. */
final class SingleParameter {
    final Parameter parameter;
    final OptimizerState state;
    private final Workbench bench;
    private final UpdateRule rule;
    private final Tensor scalars;
    private final Tensor scratch;
    private final WeightRounding rounding;
    private long step;

    SingleParameter(Workbench bench, UpdateRule rule, Parameter parameter) {
        this.bench = bench;
        this.rule = rule;
        this.parameter = parameter;
        this.rounding = WeightRounding.of(Rounding.STOCHASTIC, 5, parameter);
        this.state = rule.init(parameter, bench.region());
        this.scalars = bench.vector(new float[rule.scalarCount()]);
        this.scratch = bench.vector(new float[(int) rule.scratchSize(parameter)]);
    }

    void update(Tensor gradient) {
        update(gradient, 1);
    }

    void update(Tensor gradient, double gradientScale) {
        prepare(gradient, gradientScale);
        update(gradient, bench.kernels());
    }

    /** What comes before the calls of kernels. */
    void prepare(Tensor gradient, double gradientScale) {
        double squares = 0;
        for (float value : gradient.toFloatArray()) {
            squares += (double) value * value;
        }
        StepContext context = new StepContext(step++, 64).withGradientNorm(Math.sqrt(squares)).scaled(gradientScale);
        scalars.copyFrom(rule.scalars(context));
        rule.prepare(parameter, gradient, state, context, scratch, rounding, bench.kernels());
    }

    /** The calls alone. */
    void update(Tensor gradient, Kernels kernels) {
        rule.update(parameter, gradient, state, scalars, scratch, rounding, kernels);
    }

    float[] values() {
        return parameter.value().toFloatArray();
    }

    /** The weights to evaluate; those to train are as before afterwards. */
    float[] evaluated() {
        rule.toEvaluation(parameter, state, bench.kernels());
        float[] values = values();
        rule.toTraining(parameter, state, bench.kernels());
        return values;
    }
}
