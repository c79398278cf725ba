package dev.smallbatch.optim.train;

/** Hears of every step, in the training thread: logs, progress bars, experiments. */
@FunctionalInterface
public interface StepListener {
    void onStep(StepStats stats);
}
