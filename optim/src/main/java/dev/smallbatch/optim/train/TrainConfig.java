package dev.smallbatch.optim.train;

/**
 * How long a run is and what happens when. Intervals count finished steps; 0 means never.
 *
 * @param steps updates in all
 * @param logEvery steps between two whose statistics are logged, gradient norm included; the first and last always are
 * @param evalEvery steps between two evaluations; unless it is 0, the end of the run is evaluated as well
 * @param checkpointEvery steps between two checkpoints; the end of the run and a requested stop always make one
 */
public record TrainConfig(long steps, long logEvery, long evalEvery, long checkpointEvery) {
    public TrainConfig {
        if (steps < 1 || logEvery < 0 || evalEvery < 0 || checkpointEvery < 0) {
            throw new IllegalArgumentException("training of " + steps + " steps, log every " + logEvery + ", evaluate every "
                    + evalEvery + ", checkpoint every " + checkpointEvery + "; at least 1 step and no negative interval");
        }
    }

    boolean logs(long finishedSteps) {
        return finishedSteps == 1 || finishedSteps == steps || isDue(logEvery, finishedSteps) || evaluates(finishedSteps);
    }

    boolean evaluates(long finishedSteps) {
        return isDue(evalEvery, finishedSteps) || evalEvery > 0 && finishedSteps == steps;
    }

    boolean checkpoints(long finishedSteps) {
        return isDue(checkpointEvery, finishedSteps) || finishedSteps == steps;
    }

    private static boolean isDue(long interval, long finishedSteps) {
        return interval > 0 && finishedSteps % interval == 0;
    }
}
