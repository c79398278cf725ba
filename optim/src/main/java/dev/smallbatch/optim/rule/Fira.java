package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;

/**
 * {@link GaLore} that also uses what of the gradient lies beside its projector, lengthened as Adam lengthens what lies along it:
 * of a tall or square matrix {@code S = G - R P}, row i times {@code |u_i| / (|R_i| + 1e-8)}, the whole shortened to at most 1.01
 * times its length in the last step, is added to {@code scale u P}; of a wide one columns take the place of rows. For an (M, N)
 * matrix with M <= N, or the other way round, {@code 8 rank N + 4 rank M + 4} bytes of state. The authors' code subtracts
 * {@code scale R P} in S, which at a scale of 1 is the same.
 *
 * @param lowRank Adam's numbers, rank and life of a projector
 * @param scale of what is projected
 * @see <a href="https://arxiv.org/abs/2410.01623">Chen et al. 2024, equations 9 to 13</a>
 */
public record Fira(LowRank lowRank, double scale) implements LowRankRule {
    public Fira {
        if (!(scale > 0)) {
            throw new IllegalArgumentException("fira: scale " + scale + "; above 0, usually 0.25");
        }
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return lowRank.init("fira", parameter, region, true, true);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        LowRankStep step = new LowRankStep(lowRank, gradient, state, scalars, scratch, kernels);
        step.takeRest(gradient);
        step.limit(state);
        step.addDirection(scale);
        step.apply(parameter, 1, rounding);
    }
}
