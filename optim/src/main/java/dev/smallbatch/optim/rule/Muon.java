package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Steps by the nearest orthogonal matrix to the moving average of gradients, for hidden matrices alone; tables and vectors
 * need another rule, usually {@link AdamW}. For update k = 1, 2, ...: {@code m = beta m + (1 - beta) g}, {@code u = m / (1 -
 * beta^k)}, or Nesterov's {@code u = beta m + (1 - beta) g}, and {@code p = p - lr (sqrt(max(1, out / in)) O(u) + weightDecay
 * p)}, O being {@link NewtonSchulz}. A parameter of several (out, in) matrices ({@link Parameter#block}), as attention has for
 * its heads, is orthogonalized one by one. 4 bytes of state for each parameter; all parameters together need the room of two
 * and a half copies of the largest one to work in.
 *
 * @param lr learning rate, at which every singular value of a matrix moves
 * @param beta decay of the average
 * @param nesterov whether the step looks one step ahead; the small-batch study's does not
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://kellerjordan.github.io/posts/muon/">Jordan et al. 2024</a>
 */
public record Muon(Schedule lr, Decay beta, boolean nesterov, double weightDecay) implements UpdateRule {
    /** Decay of the tables that {@link AdamW} takes care of beside Muon, in the small-batch study. */
    public static final double TABLES_WEIGHT_DECAY = 1e-4;

    public Muon {
        if (!(weightDecay >= 0)) {
            throw new IllegalArgumentException("muon: weight decay " + weightDecay + "; at least 0");
        }
    }

    /** As in the small-batch study: without Nesterov and decay. */
    public Muon(Schedule lr, Decay beta) {
        this(lr, beta, false, 0);
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        if (parameter.value().shape().rank() < 2) {
            throw new IllegalArgumentException("muon: " + parameter + " is no matrix; put it into a group with another rule");
        }
        return OptimizerState.zeros(parameter, region, "m");
    }

    @Override
    public long scratchSize(Parameter parameter) {
        return parameter.value().numel() + NewtonSchulz.scratchSize(parameter.block());
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.MOMENTUM_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        long tokens = context.tokensPerStep();
        double keep = beta.perStep(tokens);
        double take = beta.complement(tokens);
        double rate = context.value(lr);
        if (nesterov) {
            return context.momentum(rate, weightDecay, keep, take, keep * keep, take * (1 + keep));
        }
        double correction = 1 / context.biasCorrection(beta);
        return context.momentum(rate, weightDecay, keep, take, keep * correction, take * correction);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        Shape shape = parameter.value().shape();
        Shape block = parameter.block();
        Tensor blocks = scratch.rows(0, shape.numel()).reshape(Shape.of(shape.rows() / block.rows(), shape.cols() / block.cols(),
                block.rows(), block.cols()));
        Tensor rest = scratch.rows(shape.numel(), scratch.numel());
        kernels.update().muonMoment(state.get("m"), blocks, gradient, scalars);
        Tensor stacked = blocks.reshape(Shape.of(shape.numel() / block.cols(), block.cols()));
        for (long row = 0; row < stacked.shape().rows(); row += block.rows()) {
            NewtonSchulz.orthogonalize(stacked.rows(row, row + block.rows()), rest, kernels);
        }
        float factor = (float) Math.sqrt(Math.max(1, (double) block.rows() / block.cols()));
        kernels.update().muonStep(parameter.value(), blocks, scalars, factor, rounding.mode(), rounding.key());
    }
}
