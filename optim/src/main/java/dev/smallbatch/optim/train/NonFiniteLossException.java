package dev.smallbatch.optim.train;

/**
 * Training diverged: one loss or gradient after the other, the validation loss or a parameter is NaN or infinite. The run stops;
 * its last checkpoint stays good.
 */
public final class NonFiniteLossException extends ArithmeticException {
    private static final long serialVersionUID = 1L;

    private final long step;

    /**
     * @param step the step that failed, 0 for the first
     * @param what the quantity, for example {@code loss}
     * @param value what it is
     */
    public NonFiniteLossException(long step, String what, double value) {
        super("step " + (step + 1) + ": the " + what + " is " + value
                + ". Nothing of this step is saved; try a lower learning rate,"
                + " a longer warm-up or clipping by global norm, from the last checkpoint or from the start");
        this.step = step;
    }

    static void check(long step, String what, double value) {
        if (!Double.isFinite(value)) {
            throw new NonFiniteLossException(step, what, value);
        }
    }

    /** The step that failed, 0 for the first. */
    public long step() {
        return step;
    }
}
