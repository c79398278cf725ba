package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.Arrays;

/**
 * Sophia: the mean of gradients over a mean of curvatures, clipped. {@code m = beta1 m + (1 - beta1) g},
 * {@code u = max(-1, min(1, m / max(gamma h, eps)))}, {@code p = p - lr (u + weightDecay p)}; every {@code interval} steps,
 * after the step, {@code h = beta2 h + (1 - beta2) estimate}, the diagonal of the Hessian as the form has it. Until the first
 * estimate, and where h is not positive, steps are the sign of m. 8 bytes of state for each parameter.
 *
 * <p>The win rate, the share of elements with {@code |m| < gamma h}, should be 0.1 to 0.5; raise gamma if it is lower.
 *
 * <p>Updates may be made inside backward; an estimate makes gradients of its own. Other than the release, h has the number of
 * targets in it, which the release multiplies by in each step, so that it means the same at every batch size; eps bounds the
 * divisor, which the release adds; the estimate is made on the batch of the step; and its gradient is not clipped.
 *
 * @param lr learning rate: the longest step along every axis
 * @param beta1 decay of the mean of gradients, usually 0.965 per step
 * @param beta2 decay of the mean of estimates, usually 0.99 for each; as a half-life, in tokens of training
 * @param form whose rule it is
 * @param gamma factor of the curvature, rho in the release: published 0.05 with {@link Form#G}, 0.01 with {@link Form#H}, for
 *     batches of half a million tokens
 * @param eps least divisor, usually 1e-12
 * @param interval steps from one estimate to the next, usually 10
 * @param weightDecay decoupled, of all tensors of the group, usually twice AdamW's
 * @see <a href="https://arxiv.org/abs/2305.14342">Liu et al. 2023, algorithm 3</a>
 */
public record Sophia(Schedule lr, Decay beta1, Decay beta2, Form form, double gamma, double eps, int interval, double weightDecay)
        implements CurvatureRule {
    /** Elements from one that counts for the win rate to the next; a prime, so that no column is sampled alone. */
    private static final int SAMPLE = 61;

    /** Forms in use. */
    public enum Form {
        /** As released: drawn labels, an estimate after the last step of each interval. */
        G,
        /** The paper's other estimator: random signs, an estimate after the last step of each interval. */
        H,
        /** As H in optax: the mean of gradients bias-corrected, an estimate after the first step of each interval. */
        OPTAX
    }

    public Sophia {
        if (!(gamma > 0) || !((float) eps > 0) || interval < 1 || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("sophia: gamma " + gamma + ", eps " + eps + ", interval " + interval
                    + ", weight decay " + weightDecay + "; gamma and eps above 0, an interval of at least 1 step, weight decay at"
                    + " least 0");
        }
    }

    @Override
    public Estimator estimator() {
        return form == Form.G ? Estimator.GAUSS_NEWTON_BARTLETT : Estimator.HUTCHINSON;
    }

    @Override
    public boolean isDue(long step) {
        return step % interval == (form == Form.OPTAX ? 0 : interval - 1);
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return OptimizerState.zeros(parameter, region, "m", "h");
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.SOPHIA_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        double keep = beta1.perStep(context.tokensPerStep());
        double take = beta1.complement(context.tokensPerStep());
        // m over a correction is the same as m over so much less of everything else.
        double correction = form == Form.OPTAX ? context.biasCorrection(beta1) : 1;
        float[] s = Arrays.copyOf(context.momentum(context.value(lr), weightDecay, keep, take, keep, take),
                UpdateKernels.SOPHIA_SLOTS);
        s[UpdateKernels.GAMMA] = (float) (gamma * correction);
        s[UpdateKernels.SOPHIA_EPSILON] = (float) (eps * correction);
        return s;
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().sophiaStep(parameter.value(), state.get("m"), state.get("h"), gradient, scalars, rounding.mode(),
                rounding.key());
    }

    @Override
    public double observe(Tensor a, Tensor b, double factor, OptimizerState state, StepContext context, Kernels kernels) {
        long tokens = context.tokensPerStep() * interval;
        Tensor m = state.get("m");
        Tensor h = state.get("h");
        kernels.elementwise().addProduct(h, (float) beta2.perStep(tokens), (float) (beta2.complement(tokens) * factor), a, b);
        long unclipped = 0;
        for (long i = 0; i < h.numel(); i += SAMPLE) {
            unclipped += Math.abs(m.getFlat(i)) < gamma * h.getFlat(i) ? 1 : 0;
        }
        return (double) unclipped / Math.ceilDiv(h.numel(), SAMPLE);
    }
}
