package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * Another rule, and beside it a moving average of the weights it makes, which is what is evaluated and exported: after updates
 * k = every, 2 every, ... {@code average = average + (1 - d) (p - average)}, but the first of them copies p. Steps that are
 * skipped leave it as it is. 4 bytes more for each parameter, in float whatever the weights are.
 *
 * <p>To evaluate, weights and average are exchanged in place, without further memory and without losing a bit of either.
 *
 * @param rule makes the updates; one that has no evaluation weights itself
 * @param decay d, from one average to the next: usually 0.999
 * @param warmup whether d is at most {@code (1 + n) / (10 + n)} for the n-th average after the copy, so that early weights are
 *     forgotten soon
 * @param every updates from one average to the next, at least 1
 */
public record WeightAverage(UpdateRule rule, Decay decay, boolean warmup, long every) implements UpdateRule {
    private static final String NAME = "average";

    public WeightAverage {
        if (every < 1) {
            throw new IllegalArgumentException("weight average: every " + every + " steps; at least 1");
        }
        if (rule.hasEvaluationWeights()) {
            throw new IllegalArgumentException("weight average: " + rule + " averages weights itself; use one of the two");
        }
    }

    /** The rule's state, and the average, which begins with the parameter as it is. */
    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>(rule.init(parameter, region).tensors());
        Tensor average = region.allocate(DType.F32, parameter.value().shape());
        if (!average.isPlanned()) {
            for (long i = 0; i < average.numel(); i++) {
                average.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, parameter.value().getFlat(i));
            }
        }
        tensors.put(NAME, average);
        return new OptimizerState(tensors);
    }

    @Override
    public long scratchSize(Parameter parameter) {
        return rule.scratchSize(parameter);
    }

    /** Those of the rule, and one more: the weight of p in the average. */
    @Override
    public int scalarCount() {
        return rule.scalarCount() + 1;
    }

    @Override
    public float[] scalars(StepContext context) {
        float[] s = Arrays.copyOf(rule.scalars(context), scalarCount());
        s[rule.scalarCount()] = (float) weight(context);
        return s;
    }

    private double weight(StepContext context) {
        long n = (context.step() + 1) / every - 1;
        if ((context.step() + 1) % every != 0) {
            return 0;
        }
        double weight = decay.complement(context.tokensPerStep() * every);
        return n == 0 ? 1 : warmup ? Math.max(weight, 9.0 / (10 + n)) : weight;
    }

    @Override
    public void prepare(Parameter parameter, Tensor gradient, OptimizerState state, StepContext context, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        rule.prepare(parameter, gradient, state, context, scratch, rounding, kernels);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        rule.update(parameter, gradient, state, scalars.rows(0, rule.scalarCount()), scratch, rounding, kernels);
        float weight = scalars.getFlat(rule.scalarCount());
        if (weight == 1) {
            kernels.elementwise().convert(state.get(NAME), parameter.value(), Rounding.NEAREST_EVEN, 0);
        } else if (weight > 0) {
            kernels.elementwise().lerp(state.get(NAME), weight, parameter.value());
        }
    }

    @Override
    public Schedule lr() {
        return rule.lr();
    }

    @Override
    public boolean needsAllGradients() {
        return rule.needsAllGradients();
    }

    @Override
    public Optional<CurvatureRule> curvature() {
        return rule.curvature();
    }

    @Override
    public boolean hasEvaluationWeights() {
        return true;
    }

    @Override
    public void toEvaluation(Parameter parameter, OptimizerState state, Kernels kernels) {
        kernels.elementwise().exchange(parameter.value(), state.get(NAME));
    }

    @Override
    public void toTraining(Parameter parameter, OptimizerState state, Kernels kernels) {
        kernels.elementwise().exchange(parameter.value(), state.get(NAME));
    }
}
