package dev.smallbatch.core.spi;

/**
 * Finds out whether a back end is usable and opens it; registered with {@link java.util.ServiceLoader}. A provider must
 * load, and {@link #probe} must answer, with no optional module, library or device present.
 */
public interface BackendProvider {
    /** Short lower-case name, for example {@code vector}. */
    String name();

    /** {@code auto} picks the usable provider of the highest priority; a negative one is never picked by auto. */
    int priority();

    /** Whether {@link #open} would work here, and why; never throws. */
    Availability probe();

    /** Opens the back end; call only if {@link #probe} says it is usable. */
    Backend open(BackendOptions options);
}
