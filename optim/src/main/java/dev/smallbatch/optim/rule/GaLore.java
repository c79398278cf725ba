package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;

/**
 * Adam on the gradient's coordinates along its own leading singular vectors, for hidden matrices alone: with P, R and u of
 * {@link LowRank}, P being the gradient's first singular vectors every so many steps, a step is {@code scale u P} of a tall or
 * square matrix, {@code scale P^T u} of a wide one. What of the gradient lies beside P is lost until P changes. For an (M, N)
 * matrix with M <= N, or the other way round, {@code 8 rank N + 4 rank M} bytes of state.
 *
 * @param lowRank Adam's numbers, rank and life of a projector; the paper's learning rate is 0.01
 * @param scale of the step, usually 0.25
 * @see <a href="https://arxiv.org/abs/2403.03507">Zhao et al. 2024, algorithm 2</a>
 */
public record GaLore(LowRank lowRank, double scale) implements LowRankRule {
    public GaLore {
        if (!(scale > 0)) {
            throw new IllegalArgumentException("galore: scale " + scale + "; above 0, usually 0.25");
        }
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return lowRank.init("galore", parameter, region, true, false);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        LowRankStep step = new LowRankStep(lowRank, gradient, state, scalars, scratch, kernels);
        step.takeDirection();
        step.apply(parameter, scale, rounding);
    }
}
