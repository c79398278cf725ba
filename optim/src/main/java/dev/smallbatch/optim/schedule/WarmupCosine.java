package dev.smallbatch.optim.schedule;

/**
 * Linear warm-up, then half a cosine down to 0. With W warm-up steps of N: {@code peak * s / W} for s below W, then
 * {@code peak * (1 + cos(pi (s - W) / (N - W))) / 2}. The first update has the value 0 if there is a warm-up, step W the
 * peak, the last step not quite 0.
 *
 * @param peak largest value
 * @param totalSteps N, the steps of the run
 * @param warmupSteps W, at most N
 */
public record WarmupCosine(double peak, long totalSteps, long warmupSteps) implements Schedule {
    public WarmupCosine {
        Warmup.require(peak, totalSteps, warmupSteps);
    }

    @Override
    public double at(long step) {
        return step < warmupSteps
                ? peak * step / warmupSteps
                : peak * 0.5 * (1 + Math.cos(Math.PI * Warmup.progress(step, totalSteps, warmupSteps)));
    }
}
