package dev.smallbatch.optim.train;

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

    TrainState advance(long batchTokens) {
        return new TrainState(step + 1, tokens + batchTokens);
    }
}
