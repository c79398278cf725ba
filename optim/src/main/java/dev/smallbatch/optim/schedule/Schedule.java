package dev.smallbatch.optim.schedule;

/** A number for every step of a run; a pure function, so that resuming needs no schedule state. */
@FunctionalInterface
public interface Schedule {
    /**
     * The value for one update.
     *
     * @param step number of updates made before this one: 0 for the first
     */
    double at(long step);
}
