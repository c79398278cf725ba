package dev.smallbatch.optim.schedule;

/**
 * Linear warm-up, the peak for most of the run, then a straight line down to 0. With W warm-up and D decay steps of N:
 * {@code peak * s / W} for s below W, {@code peak} up to step N - D, then {@code peak * (N - s) / D}. A run can be prolonged
 * from any point before the decay.
 *
 * @param peak largest value
 * @param totalSteps N, the steps of the run
 * @param warmupSteps W
 * @param decaySteps D; W + D is at most N
 */
public record WarmupStableDecay(double peak, long totalSteps, long warmupSteps, long decaySteps) implements Schedule {
    public WarmupStableDecay {
        Warmup.require(peak, totalSteps, warmupSteps);
        if (decaySteps < 0 || decaySteps > totalSteps - warmupSteps) {
            throw new IllegalArgumentException("schedule: " + decaySteps + " decay steps after " + warmupSteps
                    + " warm-up steps do not fit into " + totalSteps);
        }
    }

    /** A decay of one fifth of the run, or of what the warm-up leaves if that is less. */
    public WarmupStableDecay(double peak, long totalSteps, long warmupSteps) {
        this(peak, totalSteps, warmupSteps, Math.min(totalSteps / 5, totalSteps - warmupSteps));
    }

    @Override
    public double at(long step) {
        if (step < warmupSteps) {
            return peak * step / warmupSteps;
        }
        long decayStart = totalSteps - decaySteps;
        return step < decayStart ? peak : peak * (1 - Warmup.progress(step, totalSteps, decayStart));
    }
}
