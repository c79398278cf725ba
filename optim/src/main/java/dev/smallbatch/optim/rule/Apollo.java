package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * The gradient itself, scaled by how much Adam would change its length, which a few random projections of it tell; for hidden
 * matrices alone. P of {@link LowRank} is drawn from N(0, 1 / rank) every so many steps; with its R and u, row i of a tall or
 * square matrix takes the factor {@code |u_i| / (|R_i| + 1e-8)}, of a wide one column i, or the whole matrix one factor of the
 * same form. The result, shortened to at most 1.01 times its length in the last step, times {@code sqrt(scale)} is the step. P
 * is a function of the run's seed, the parameter's name and how often it was drawn, and is not kept: {@code 8 rank N + 4} bytes
 * of state for an (M, N) matrix with M <= N, or the other way round.
 *
 * @param lowRank Adam's numbers, rank (usually a quarter of the width) and life of a projector; usual learning rate 0.01
 * @param channels whether every row or column has a factor of its own
 * @param scale usually 1; 128 for {@link #mini}
 * @see <a href="https://arxiv.org/abs/2412.05270">Zhu et al. 2024, algorithm 1</a>
 */
public record Apollo(LowRank lowRank, boolean channels, double scale) implements LowRankRule {
    public Apollo {
        if (!(scale > 0)) {
            throw new IllegalArgumentException("apollo: scale " + scale + "; above 0, usually 1");
        }
    }

    /** APOLLO-Mini: one dimension and one factor for each matrix, {@code 8 N + 4} bytes. */
    public static Apollo mini(AdamW adam, int every) {
        return new Apollo(new LowRank(adam, 1, every), false, 128);
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return lowRank.init("apollo", parameter, region, false, true);
    }

    /** Draws the projector, every time anew. */
    @Override
    public void prepare(Parameter parameter, Tensor gradient, OptimizerState state, StepContext context, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        Shape drawn = lowRank.projector(gradient.shape());
        new Init.Normal(1 / Math.sqrt(drawn.rows())).fill(scratch.rows(0, drawn.numel()), lowRank.key(context, rounding));
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        LowRankStep step = new LowRankStep(lowRank, gradient, state, scalars, scratch, kernels);
        step.takeGradient(gradient, channels);
        step.limit(state);
        step.apply(parameter, Math.sqrt(scale), rounding);
    }
}
