package dev.smallbatch.optim.rule;

import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Adam with decoupled weight decay. For update k = 1, 2, ...: {@code m = beta1 m + (1 - beta1) g},
 * {@code v = beta2 v + (1 - beta2) g^2}, {@code u = (m / (1 - beta1^k)) / (sqrt(v / (1 - beta2^k)) + eps)},
 * {@code p = p - lr (u + weightDecay p)}. At batch size 1 the bias corrections matter for thousands of steps. 8 bytes of
 * state for each parameter.
 *
 * @param lr learning rate
 * @param beta1 decay of the mean of gradients, usually 0.9 per step at every batch size
 * @param beta2 decay of the mean of their squares, best given as a half-life in tokens
 * @param eps outside the root
 * @param weightDecay decoupled, of all tensors of the group; 0 makes it Adam
 * @see <a href="https://arxiv.org/abs/1711.05101">Loshchilov and Hutter 2019, algorithm 2</a>
 */
public record AdamW(Schedule lr, Decay beta1, Decay beta2, double eps, double weightDecay) implements AdamRule {
    public AdamW {
        if (!(eps >= 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("adamw: eps " + eps + ", weight decay " + weightDecay + "; both at least 0");
        }
    }

    /** With eps 1e-8 and without weight decay. */
    public AdamW(Schedule lr, Decay beta1, Decay beta2) {
        this(lr, beta1, beta2, 1e-8, 0);
    }

    @Override
    public float[] scalars(StepContext context) {
        return AdamRule.corrected(context, context.value(lr), beta1, beta2, eps, weightDecay);
    }
}
