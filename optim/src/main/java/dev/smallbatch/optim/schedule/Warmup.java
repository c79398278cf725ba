package dev.smallbatch.optim.schedule;

/** What the schedules with a warm-up share. */
final class Warmup {
    private Warmup() {}

    static void require(double peak, long totalSteps, long warmupSteps) {
        if (!(peak >= 0) || Double.isInfinite(peak)) {
            throw new IllegalArgumentException("schedule: peak " + peak + "; a finite number, at least 0");
        }
        if (warmupSteps < 0 || warmupSteps > totalSteps) {
            throw new IllegalArgumentException("schedule: " + warmupSteps + " warm-up steps of " + totalSteps
                    + " steps in all; 0 up to the total");
        }
    }

    /** How far from the end of the warm-up (0) to the end of the run (1) a step is. */
    static double progress(long step, long totalSteps, long warmupSteps) {
        return step >= totalSteps ? 1 : (double) (step - warmupSteps) / (totalSteps - warmupSteps);
    }
}
