package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Adam that looks one step ahead, as Nesterov's momentum does. m and v as in {@link AdamW}; with
 * {@code b_k = beta1 (1 - 0.96^(rise k) / 2)} and {@code B_k = b_1 ... b_k},
 * {@code u = ((1 - b_k) / (1 - B_k) g + b_(k+1) / (1 - B_(k+1)) m) / (sqrt(v / (1 - beta2^k)) + eps)},
 * {@code p = p - lr (u + weightDecay p)}. 8 bytes of state for each parameter. As in PyTorch, but for the decay, which is
 * decoupled here.
 *
 * @param lr learning rate
 * @param beta1 decay of the mean of gradients
 * @param beta2 decay of the mean of their squares
 * @param rise how fast the share of m rises from half of beta1 to beta1, usually 0.004; 0 keeps it at half
 * @param eps outside the root
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ">Dozat 2016, section 3</a>
 */
public record NAdam(Schedule lr, Decay beta1, Decay beta2, double rise, double eps, double weightDecay) implements AdamRule {
    /** Below it a product is 0 beside 1. */
    private static final double NOTHING = 0x1p-60;

    public NAdam {
        if (!(rise >= 0) || Double.isInfinite(rise)) {
            throw new IllegalArgumentException("nadam: rise " + rise + "; a finite number, at least 0");
        }
        if (!(eps >= 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("nadam: eps " + eps + ", weight decay " + weightDecay + "; both at least 0");
        }
    }

    @Override
    public float[] scalars(StepContext context) {
        float[] s = AdamRule.corrected(context, context.value(lr), beta1, beta2, eps, weightDecay);
        double beta = beta1.perStep(context.tokensPerStep());
        long k = context.step() + 1;
        double product = product(beta, k);
        s[UpdateKernels.GRADIENT_SHARE] = (float) ((1 - share(beta, k)) / (1 - product));
        s[UpdateKernels.CORRECTION1] = (float) (share(beta, k + 1) / (1 - product * share(beta, k + 1)));
        return s;
    }

    private double share(double beta, long k) {
        return beta * (1 - 0.5 * Math.pow(0.96, k * rise));
    }

    /** B_k: at most {@code 42 / (1 - beta)} factors, since more of them change no digit. */
    private double product(double beta, long k) {
        double product = 1;
        for (long i = 1; i <= k && product > NOTHING; i++) {
            product *= share(beta, i);
        }
        return product;
    }
}
