package dev.smallbatch.optim.schedule;

/**
 * Linear warm-up, then a straight line down to 0. With W warm-up steps of N: {@code peak * s / W} for s below W, then
 * {@code peak * (N - s) / (N - W)}.
 *
 * @param peak largest value
 * @param totalSteps N, the steps of the run
 * @param warmupSteps W, at most N
 */
public record WarmupLinear(double peak, long totalSteps, long warmupSteps) implements Schedule {
    public WarmupLinear {
        Warmup.require(peak, totalSteps, warmupSteps);
    }

    @Override
    public double at(long step) {
        return step < warmupSteps
                ? peak * step / warmupSteps
                : peak * (1 - Warmup.progress(step, totalSteps, warmupSteps));
    }
}
