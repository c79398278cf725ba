package dev.smallbatch.optim.train;

/**
 * How long a run is and what happens when. Intervals count finished steps, or tokens seen; 0 means never.
 *
 * @param unit of all lengths: tokens if the batch size changes
 * @param length of the run; in tokens it ends with the first step that reaches it
 * @param logEvery between two steps whose statistics are logged, gradient norm included; the first and last always are
 * @param evalEvery between two evaluations; unless it is 0, the end of the run is evaluated as well
 * @param checkpointEvery between two checkpoints; the end of the run and a requested stop always make one
 */
public record TrainConfig(Unit unit, long length, long logEvery, long evalEvery, long checkpointEvery) {
    /** What is counted. */
    public enum Unit {
        /** Updates. */
        STEPS,
        /** Tokens seen. */
        TOKENS
    }

    public TrainConfig {
        if (length < 1 || logEvery < 0 || evalEvery < 0 || checkpointEvery < 0) {
            throw new IllegalArgumentException("training of " + length + " " + unit + ", log every " + logEvery + ", evaluate"
                    + " every " + evalEvery + ", checkpoint every " + checkpointEvery + "; at least 1 and no negative interval");
        }
    }

    /** In steps. */
    public TrainConfig(long steps, long logEvery, long evalEvery, long checkpointEvery) {
        this(Unit.STEPS, steps, logEvery, evalEvery, checkpointEvery);
    }

    boolean isDone(TrainState state) {
        return done(state) >= length;
    }

    boolean logs(TrainState before, TrainState after) {
        return after.step() == 1 || isDone(after) || isDue(logEvery, before, after) || evaluates(before, after);
    }

    boolean evaluates(TrainState before, TrainState after) {
        return isDue(evalEvery, before, after) || evalEvery > 0 && isDone(after);
    }

    boolean checkpoints(TrainState before, TrainState after) {
        return isDue(checkpointEvery, before, after) || isDone(after);
    }

    private boolean isDue(long interval, TrainState before, TrainState after) {
        return interval > 0 && done(after) / interval > done(before) / interval;
    }

    private long done(TrainState state) {
        return unit == Unit.STEPS ? state.step() : state.tokens();
    }
}
