package dev.smallbatch.optim.rule;

import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Adam that warms up by itself: {@code m = beta1 m + (1 - beta1) g}, {@code v = beta2 v + (1 - beta2) g^2},
 * {@code p = p - lr (u + weightDecay p)}, where u is plain momentum until v has seen enough squares, five for usual beta2, and
 * {@code R m / (sqrt(v) + eps)} from then on, R rising to {@code 1 / (1 - beta1^k)} over about {@code 1 / (1 - beta2)} steps.
 * The first steps are as long as gradients are, not as long as the rate. 8 bytes of state for each parameter. As in PyTorch,
 * but for the decay, which is decoupled here.
 *
 * @param lr learning rate; needs no warm-up
 * @param beta1 decay of the mean of gradients
 * @param beta2 decay of the mean of their squares; at most 2/3 makes every step plain momentum
 * @param eps outside the root, which is not bias-corrected: {@code eps / sqrt(1 - beta2^k)} of AdamW's
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://arxiv.org/abs/1908.03265">Liu et al. 2020, algorithm 2</a>
 */
public record RAdam(Schedule lr, Decay beta1, Decay beta2, double eps, double weightDecay) implements AdamRule {
    public RAdam {
        if (!(eps >= 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("radam: eps " + eps + ", weight decay " + weightDecay + "; both at least 0");
        }
    }

    @Override
    public float[] scalars(StepContext context) {
        return AdamRule.rectified(context, context.value(lr), beta1, beta2, eps, weightDecay);
    }
}
