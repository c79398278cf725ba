package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;

/**
 * What Adam and its relatives share: two moving averages, {@code m} of gradients and {@code v} of squares, 8 bytes for each
 * parameter, and the kernel that moves both in one pass.
 */
sealed interface AdamRule extends UpdateRule permits AdamW, AdaBelief, NAdam, RAdam {
    @Override
    default OptimizerState init(Parameter parameter, Region region) {
        return OptimizerState.zeros(parameter, region, "m", "v");
    }

    @Override
    default int scalarCount() {
        return UpdateKernels.ADAMW_SLOTS;
    }

    @Override
    default void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().adamWStep(parameter.value(), state.get("m"), state.get("v"), gradient, scalars,
                rounding.mode(), rounding.key());
    }

    /** The numbers of AdamW itself: both averages corrected for having started at 0. */
    static float[] corrected(StepContext context, double lr, Decay beta1, Decay beta2, double eps, double weightDecay) {
        long tokens = context.tokensPerStep();
        float[] s = context.scalars(UpdateKernels.ADAMW_SLOTS, lr, weightDecay);
        s[UpdateKernels.BETA1] = (float) beta1.perStep(tokens);
        s[UpdateKernels.ONE_MINUS_BETA1] = (float) beta1.complement(tokens);
        s[UpdateKernels.BETA2] = (float) beta2.perStep(tokens);
        s[UpdateKernels.ONE_MINUS_BETA2] = (float) beta2.complement(tokens);
        s[UpdateKernels.CORRECTION1] = (float) (1 / context.biasCorrection(beta1));
        s[UpdateKernels.CORRECTION2_ROOT] = (float) (1 / Math.sqrt(context.biasCorrection(beta2)));
        s[UpdateKernels.EPSILON] = (float) eps;
        return s;
    }

    /**
     * The numbers of a step whose length is limited while there are too few squares to divide by. With
     * {@code w = 2 / (1 - beta2) - 1} and {@code r = w - 2 k beta2^k / (1 - beta2^k)}: from {@code r = 5} on
     * {@code u = R m / (sqrt(v) + eps)}, {@code R = sqrt((1 - beta2^k) (r - 4) (r - 2) w / ((w - 4) (w - 2) r)) / (1 - beta1^k)};
     * before that {@code u = m / (1 - beta1^k)}, momentum without root, which lasts 5 steps for usual beta2.
     *
     * @see <a href="https://arxiv.org/abs/1908.03265">Liu et al. 2020, algorithm 2</a>
     */
    static float[] rectified(StepContext context, double lr, Decay beta1, Decay beta2, double eps, double weightDecay) {
        float[] s = corrected(context, lr, beta1, beta2, eps, weightDecay);
        double share = context.biasCorrection(beta2);
        double longest = 2 / beta2.complement(context.tokensPerStep()) - 1;
        double length = longest - 2.0 * (context.step() + 1) * (1 - share) / share;
        if (length < 5) {
            s[UpdateKernels.CORRECTION2_ROOT] = 0;
            s[UpdateKernels.EPSILON] = 1;
        } else {
            double rectified = Math.sqrt(share * (length - 4) * (length - 2) * longest
                    / ((longest - 4) * (longest - 2) * length));
            s[UpdateKernels.CORRECTION1] = (float) (rectified / context.biasCorrection(beta1));
            s[UpdateKernels.CORRECTION2_ROOT] = 1;
        }
        return s;
    }
}
