package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.StepNumber;
import dev.smallbatch.core.spi.UpdateKernels;

/**
 * What a rule knows of a step.
 *
 * @param step number of updates made before this one: 0 for the first
 * @param tokensPerStep sequences times their length in one update
 * @param gradientScale factor of every gradient, for clipping
 */
public record StepContext(long step, long tokensPerStep, double gradientScale) {
    public StepContext {
        if (step < 0 || tokensPerStep < 1) {
            throw new IllegalArgumentException("step context: step " + step + " with " + tokensPerStep
                    + " tokens; at least step 0 and 1 token");
        }
    }

    /** Gradients as they are. */
    public StepContext(long step, long tokensPerStep) {
        this(step, tokensPerStep, 1);
    }

    /** The same step with gradients scaled by {@code factor} as well. */
    public StepContext scaled(double factor) {
        return new StepContext(step, tokensPerStep, gradientScale * factor);
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
