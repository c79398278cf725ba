package dev.smallbatch.optim.train;

import dev.smallbatch.core.autograd.GradientSink;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.curvature.HessianProduct;
import dev.smallbatch.optim.rule.CurvatureRule.Estimator;
import dev.smallbatch.optim.rule.StepContext;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.OptionalDouble;

/**
 * Estimates of the diagonal of the Hessian for the rules that want them, after a step and on its batch. Random numbers are a
 * function of the run's seed, the step, and token or weight.
 */
final class DiagonalEstimates {
    private final LossModel model;
    private final Optimizer optimizer;
    private final Tape tape;
    private final int microBatches;
    private HessianProduct hessian;
    private Tensor probe;
    private Tensor product;
    private double unclipped;
    private long observed;

    /** @param tape of training steps, which is used between them */
    DiagonalEstimates(LossModel model, Optimizer optimizer, Tape tape, int microBatches) {
        this.model = model;
        this.optimizer = optimizer;
        this.tape = tape;
        this.microBatches = microBatches;
    }

    /** Bytes of the optimizer's region that estimates of these rules take. */
    static long bytes(List<ParameterGroup> groups, List<Parameter> parameters) {
        boolean multiplies = groups.stream().flatMap(group -> group.rule().curvature().stream())
                .anyMatch(rule -> rule.estimator() == Estimator.HUTCHINSON);
        if (!multiplies) {
            return 0;
        }
        Shape all = Shape.of(parameters.stream().mapToLong(parameter -> parameter.value().numel()).sum());
        return HessianProduct.bytes(parameters) + 2 * Region.bytesFor(DType.F32, all);
    }

    /** Makes what is due after a step. */
    void make(Batch batch, StepContext context) {
        for (Estimator estimator : Estimator.values()) {
            if (optimizer.wants(estimator, context.step())) {
                unclipped = 0;
                observed = 0;
                switch (estimator) {
                    case GAUSS_NEWTON_BARTLETT -> drawLabels(batch, context);
                    case HUTCHINSON -> multiplySigns(batch, context);
                }
            }
        }
    }

    /** Share of elements whose step was not clipped at the last estimate; empty before the first. */
    OptionalDouble winRate() {
        return observed == 0 ? OptionalDouble.empty() : OptionalDouble.of(unclipped / observed);
    }

    /** Gradients of all micro-batches are summed before they are squared. */
    private void drawLabels(Batch batch, StepContext context) {
        long key = key("labels").at(context.step()).bits();
        GradientSink observer = (parameter, gradient) ->
                observe(parameter, Estimator.GAUSS_NEWTON_BARTLETT, gradient, gradient, batch.targetCount(), context);
        GradientSink sink = microBatches == 1 ? observer : optimizer.accumulate();
        for (int i = 0; i < microBatches; i++) {
            Batch part = batch.part(i, microBatches);
            try {
                tape.drawTargets(key, i * part.tokenCount());
                Var losses = model.loss(tape.ops(), part, (float) (1.0 / batch.targetCount()));
                tape.backward(losses, sink);
            } finally {
                tape.reset();
            }
        }
        if (microBatches > 1) {
            optimizer.forEachAccumulated(observer);
        }
    }

    private void multiplySigns(Batch batch, StepContext context) {
        if (hessian == null) {
            hessian = new HessianProduct(model, tape, microBatches, optimizer.region());
            probe = optimizer.region().allocate(DType.F32, Shape.of(hessian.size()));
            product = optimizer.region().allocate(DType.F32, Shape.of(hessian.size()));
        }
        for (Parameter parameter : model.parameters()) {
            boolean wanted = optimizer.wants(parameter, Estimator.HUTCHINSON, context.step());
            signs(hessian.part(probe, parameter), wanted ? key(parameter.name()).at(context.step()) : null);
        }
        hessian.apply(batch, probe, product);
        for (Parameter parameter : model.parameters()) {
            observe(parameter, Estimator.HUTCHINSON, hessian.part(probe, parameter), hessian.part(product, parameter), 1,
                    context);
        }
    }

    /** 1 or -1 for each element, a random bit each; without a key 0, which keeps other parameters out of the estimate. */
    private static void signs(Tensor u, RandomKey key) {
        int word = 0;
        for (long i = 0; i < u.numel(); i++) {
            word = key != null && (i & 31) == 0 ? key.word(i >>> 5) : word >>> 1;
            u.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, key == null ? 0 : (word & 1) == 0 ? 1 : -1);
        }
    }

    private void observe(Parameter parameter, Estimator estimator, Tensor a, Tensor b, double factor, StepContext context) {
        OptionalDouble share = optimizer.observe(parameter, estimator, a, b, factor, context);
        if (share.isPresent()) {
            unclipped += share.getAsDouble() * a.numel();
            observed += a.numel();
        }
    }

    private RandomKey key(String name) {
        return optimizer.key().fork("curvature").fork(name);
    }
}
