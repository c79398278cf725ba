package dev.smallbatch.optim.schedule;

/**
 * The peak throughout, after an optional linear warm-up: {@code peak * step / warmupSteps} before it ends.
 *
 * @param peak the value after the warm-up
 * @param warmupSteps 0 for none
 */
public record Constant(double peak, long warmupSteps) implements Schedule {
    public Constant {
        Warmup.require(peak, Long.MAX_VALUE, warmupSteps);
    }

    /** The same value for every step. */
    public Constant(double peak) {
        this(peak, 0);
    }

    @Override
    public double at(long step) {
        return step < warmupSteps ? peak * step / warmupSteps : peak;
    }
}
