package dev.smallbatch.optim.rule;

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
}
