package dev.smallbatch.bench.jmh;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Operation;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.optim.curvature.LearnedSgd;
import dev.smallbatch.optim.curvature.Spectrum;
import dev.smallbatch.optim.rule.OptimizerState;
import dev.smallbatch.optim.rule.StepContext;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.rule.WeightRounding;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Optimizer updates of one parameter, which memory bounds; of what a rule does now and then, only the first time is made. */
public class Update extends KernelBenchmark {
    private static final int COLUMNS = 384;
    private static final Spectrum CURVATURE = new Spectrum(new double[] {1}, new double[] {1});
    /** So small that the numbers stay where they are, however often they are changed. */
    private static final double RATE = 1e-9;

    /** How the parameter is stored. */
    public enum Weights {
        /** 32 bits. */
        F32(DType.F32, Rounding.NEAREST_EVEN),
        /** 16 bits, rounded to nearest. */
        BF16_NEAREST(DType.BF16, Rounding.NEAREST_EVEN),
        /** 16 bits, rounded at random. */
        BF16_STOCHASTIC(DType.BF16, Rounding.STOCHASTIC);

        private final DType dtype;
        private final Rounding rounding;

        Weights(DType dtype, Rounding rounding) {
            this.dtype = dtype;
            this.rounding = rounding;
        }
    }

    /** Any; those that others build on unless more are asked for. */
    @Param({"SGD", "MOMENTUM", "LION", "ADAFACTOR", "ADAMW", "ADAMW_8BIT"})
    public OptimizerKind optimizer;

    /** Rows of 384 columns: of lm11m the matrix UP, which caches hold, and the head, which they do not. */
    @Param({"1536", "50257"})
    public int rows;

    /** How the parameter is stored. */
    @Param({"F32", "BF16_NEAREST", "BF16_STOCHASTIC"})
    public Weights weights;

    @Override
    protected List<Operation> prepare(Operands operands) {
        UpdateRule rule = optimizer.atConstantRate(RATE).getFirst().rule();
        Parameter parameter = new Parameter("weight", operands.uniform(weights.dtype, rows, COLUMNS), Role.MATRIX);
        LearnedSgd.of(rule).ifPresent(learner -> learner.learnFrom(step -> CURVATURE));
        StepContext context = new StepContext(1, 1).withGradientNorm(1);
        Tensor scalars = operands.numbers(rule.scalars(context));
        Tensor gradient = operands.uniform(rows, COLUMNS);
        OptimizerState state = rule.init(parameter, operands.region());
        Tensor scratch = operands.uniform(rule.scratchSize(parameter));
        WeightRounding rounding = WeightRounding.of(weights.rounding, 1, parameter);
        Operation update = Operation.of(kernels ->
                rule.update(parameter, gradient, state, scalars, scratch, rounding, kernels));
        return List.of(new Operation(kernels -> {
            rule.prepare(parameter, gradient, state, context, scratch, rounding, kernels);
            update.call().accept(kernels);
        }, update.work()));
    }

    /** One parameter, as often as there is time. */
    @Benchmark
    public void update(Speed speed) {
        run(0, speed);
    }
}
