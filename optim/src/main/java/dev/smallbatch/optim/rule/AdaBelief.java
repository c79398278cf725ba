package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Adam that divides by how far gradients are from what was expected: {@code m = beta1 m + (1 - beta1) g},
 * {@code v = beta2 v + (1 - beta2) (g - m)^2 + squareEps} with the new m, so that squareEps adds up to
 * {@code squareEps / (1 - beta2)}; {@code u} as in {@link AdamW}, or rectified as in {@link RAdam};
 * {@code p = p - lr (u + weightDecay p)}. 8 bytes of state for each parameter.
 *
 * <p>Where gradients do not change, v goes towards squareEps and steps grow towards
 * {@code lr |g| sqrt((1 - beta2) / squareEps)}, three million times {@code lr |g|} at the usual settings: clip by the norm, never
 * element by element, and take a larger squareEps where a whole data set is one batch.
 *
 * @param lr learning rate
 * @param beta1 decay of the mean of gradients
 * @param beta2 decay of the mean of their squared distances from it
 * @param eps outside the root, usually 1e-16
 * @param squareEps added to v in every step, usually 1e-16; what eps is to Adam, this is to its square
 * @param firstSteps of which the authors' package takes {@link FirstSteps#RECTIFIED} unless told otherwise
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://arxiv.org/abs/2010.07468">Zhuang et al. 2020, algorithm 2</a>
 */
public record AdaBelief(Schedule lr, Decay beta1, Decay beta2, double eps, double squareEps, FirstSteps firstSteps,
        double weightDecay) implements AdamRule {
    /** What is done about v having seen few gradients. */
    public enum FirstSteps {
        /** Steps are limited, and the first five are plain momentum, as in {@link RAdam}; so the authors' package. */
        RECTIFIED,
        /** v is divided by {@code 1 - beta2^k}, as in {@link AdamW}; so the paper and optax. */
        CORRECTED
    }

    public AdaBelief {
        if (!(eps >= 0) || !(squareEps > 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("adabelief: eps " + eps + ", square eps " + squareEps + ", weight decay "
                    + weightDecay + "; square eps above 0, or equal gradients would be divided by 0; the others at least 0");
        }
    }

    /** With both epsilons 1e-16, rectified and without weight decay. */
    public AdaBelief(Schedule lr, Decay beta1, Decay beta2) {
        this(lr, beta1, beta2, 1e-16, 1e-16, FirstSteps.RECTIFIED, 0);
    }

    @Override
    public float[] scalars(StepContext context) {
        double rate = context.value(lr);
        float[] s = firstSteps == FirstSteps.RECTIFIED
                ? AdamRule.rectified(context, rate, beta1, beta2, eps, weightDecay)
                : AdamRule.corrected(context, rate, beta1, beta2, eps, weightDecay);
        s[UpdateKernels.CENTRED] = 1;
        s[UpdateKernels.SQUARE_EPSILON] = (float) squareEps;
        return s;
    }
}
