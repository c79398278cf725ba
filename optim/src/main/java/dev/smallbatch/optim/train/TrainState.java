package dev.smallbatch.optim.train;

import dev.smallbatch.optim.rule.StepContext;

/**
 * How far a run is. Everything else that changes lives in parameters and optimizer state.
 *
 * @param step updates made
 * @param tokens tokens seen
 */
public record TrainState(long step, long tokens) {
    /** Nothing done yet. */
    public static TrainState start() {
        return new TrainState(0, 0);
    }

    /** What the optimizer knows of the step that comes next. */
    StepContext context(long batchTokens) {
        return new StepContext(step, tokens, batchTokens, 1, Double.NaN);
    }

    TrainState advance(long batchTokens) {
        return new TrainState(step + 1, tokens + batchTokens);
    }
}
