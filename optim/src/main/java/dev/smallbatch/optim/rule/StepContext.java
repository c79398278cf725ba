package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.StepNumber;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * What a rule knows of a step.
 *
 * @param step number of updates made before this one: 0 for the first
 * @param tokens seen in those updates
 * @param tokensPerStep sequences times their length in this update
 * @param gradientScale factor of every gradient, for clipping
 * @param gradientNorm Euclidean norm of all gradients of the optimizer together, scaled by that factor; NaN unless a rule
 *     {@linkplain UpdateRule#needsAllGradients needs it}
 */
public record StepContext(long step, long tokens, long tokensPerStep, double gradientScale, double gradientNorm) {
    public StepContext {
        if (step < 0 || tokens < 0 || tokensPerStep < 1) {
            throw new IllegalArgumentException("step context: step " + step + " after " + tokens + " tokens, with "
                    + tokensPerStep + "; at least step 0 after 0 tokens, with 1");
        }
    }

    /** All batches so far of the same size, gradients as they are. */
    public StepContext(long step, long tokensPerStep) {
        this(step, step * tokensPerStep, tokensPerStep, 1, Double.NaN);
    }

    /** The same step with gradients scaled by {@code factor} as well. */
    public StepContext scaled(double factor) {
        return new StepContext(step, tokens, tokensPerStep, gradientScale * factor, gradientNorm * factor);
    }

    /** The same step with the norm of all gradients, as they are scaled. */
    public StepContext withGradientNorm(double norm) {
        return new StepContext(step, tokens, tokensPerStep, gradientScale, norm);
    }

    /** What a schedule says for this step. */
    public double value(Schedule schedule) {
        return schedule.at(step, tokens, tokensPerStep);
    }

    /** {@code 1 - beta_1 ... beta_k} of the updates up to this one: what an average that started at 0 is divided by. */
    public double biasCorrection(Decay decay) {
        return decay.complement(tokensPerStep, step + 1, tokens + tokensPerStep);
    }

    /** The numbers of a step for a kernel, those that every kernel takes filled in. */
    float[] scalars(int slots, double learningRate, double weightDecay) {
        float[] s = new float[slots];
        StepNumber.put(s, step);
        s[UpdateKernels.LEARNING_RATE] = (float) learningRate;
        s[UpdateKernels.GRADIENT_SCALE] = (float) gradientScale;
        s[UpdateKernels.DECAY] = (float) (learningRate * weightDecay);
        return s;
    }

    /** As the other, for a kernel with a moment: {@code m = keep m + take h}, {@code u = stepKeep m + stepTake h}. */
    float[] momentum(double learningRate, double weightDecay, double keep, double take, double stepKeep, double stepTake) {
        float[] s = scalars(UpdateKernels.MOMENTUM_SLOTS, learningRate, weightDecay);
        s[UpdateKernels.KEEP] = (float) keep;
        s[UpdateKernels.TAKE] = (float) take;
        s[UpdateKernels.STEP_KEEP] = (float) stepKeep;
        s[UpdateKernels.STEP_TAKE] = (float) stepTake;
        return s;
    }
}
