package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * SGD or AdamW without a learning rate that falls: the average x of all iterates z is what is learned, and gradients are taken
 * between the two, at {@code y = beta x + (1 - beta) z}, which is what the weights hold during training. For update k with rate
 * {@code r_k = lr min(1, k / warmupSteps)}: {@code c = r_k^2 / (r_1^2 + ... + r_k^2)}, {@code q = g} or
 * {@code g / (sqrt(v / (1 - beta2^k)) + eps)} with {@code v = beta2 v + (1 - beta2) g^2}, {@code z = z - r_k (q + weightDecay
 * y)}, {@code x = (1 - c) x + c z}. 4 bytes of state for each parameter, 8 with a second moment.
 *
 * <p>Kept is {@code m = y - x}, and {@code z = y + m beta / (1 - beta)}: x is there for a subtraction, and y is back, bit for
 * bit, after an addition. {@link #toEvaluation} does that; a model that is to be used needs it.
 *
 * @param lr learning rate, constant but for a warm-up in steps, or in tokens and thus in steps of the present size; for SGD 10
 *     to 50 times as high as without averaging. Where it follows growing batches, c does not
 * @param beta how close to the average gradients are taken, in [0, 1): usually 0.9
 * @param beta2 decay of the mean of squares; null for SGD
 * @param eps outside the root
 * @param weightDecay decoupled, of y
 * @see <a href="https://arxiv.org/abs/2405.15682">Defazio et al. 2024, algorithm 1</a>
 */
public record ScheduleFree(Schedule lr, double beta, Decay beta2, double eps, double weightDecay) implements UpdateRule {
    public ScheduleFree {
        if (!(plain(lr) instanceof Constant)) {
            throw new IllegalArgumentException("schedule-free: learning rate " + lr + "; the average over all steps takes the"
                    + " place of a rate that falls, and would give the steps at its end no weight. Use a constant rate, with"
                    + " or without a warm-up");
        }
        if (!(beta >= 0 && beta < 1)) {
            throw new IllegalArgumentException("schedule-free: beta " + beta + "; at least 0 and below 1");
        }
        if (!(eps >= 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("schedule-free: eps " + eps + ", weight decay " + weightDecay
                    + "; both at least 0");
        }
    }

    /** SGD. */
    public ScheduleFree(Schedule lr, double beta, double weightDecay) {
        this(lr, beta, null, 0, weightDecay);
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        return beta2 == null ? OptimizerState.zeros(parameter, region, "m") : OptimizerState.zeros(parameter, region, "m", "v");
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.SCHEDULE_FREE_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        long k = context.step() + 1;
        Constant rate = (Constant) plain(lr);
        long warmup = Math.max(1, rate.warmupSteps() / (rate == lr ? 1 : context.tokensPerStep()));
        double risen = Math.min(1, (double) k / warmup);
        double scale = lr instanceof Schedule.InTokens(_, var byBatch) ? byBatch.applyAsDouble(context.tokensPerStep()) : 1;
        float[] s = context.scalars(UpdateKernels.SCHEDULE_FREE_SLOTS, rate.peak() * risen * scale, weightDecay);
        double share = risen * risen / weights(k, warmup);
        s[UpdateKernels.KEEP] = (float) (1 - share);
        s[UpdateKernels.TAKE] = (float) ((1 - share) * (1 - beta));
        s[UpdateKernels.STEP_KEEP] = (float) (share * beta / (1 - beta));
        s[UpdateKernels.STEP_TAKE] = (float) (1 - beta * (1 - share));
        if (beta2 != null) {
            s[UpdateKernels.SECOND_KEEP] = (float) beta2.perStep(context.tokensPerStep());
            s[UpdateKernels.SECOND_TAKE] = (float) beta2.complement(context.tokensPerStep());
            s[UpdateKernels.SECOND_ROOT] = (float) (1 / Math.sqrt(context.biasCorrection(beta2)));
            s[UpdateKernels.SECOND_EPSILON] = (float) eps;
        }
        return s;
    }

    /** {@code r_1^2 + ... + r_k^2} over {@code lr^2}; {@code n (n + 1) (2 n + 1) / 6} is the sum of n squares. */
    private static double weights(long k, long warmup) {
        double n = Math.min(k, warmup);
        return n * (n + 1) * (2 * n + 1) / (6.0 * warmup * warmup) + Math.max(0, k - warmup);
    }

    private static Schedule plain(Schedule lr) {
        return lr instanceof Schedule.InTokens(Schedule inner, _) ? inner : lr;
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        kernels.update().scheduleFreeStep(parameter.value(), state.get("m"), state.get("v"), gradient, scalars,
                rounding.mode(), rounding.key());
    }

    @Override
    public boolean hasEvaluationWeights() {
        return true;
    }

    @Override
    public void toEvaluation(Parameter parameter, OptimizerState state, Kernels kernels) {
        kernels.elementwise().axpy(parameter.value(), -1, state.get("m"));
    }

    @Override
    public void toTraining(Parameter parameter, OptimizerState state, Kernels kernels) {
        kernels.elementwise().axpy(parameter.value(), 1, state.get("m"));
    }
}
