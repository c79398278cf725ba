package dev.smallbatch.optim.schedule;

/**
 * A number for every point of a run; a pure function, so that resuming needs no schedule state. Points are counted in steps,
 * or in tokens if batches change their size: see {@link InTokens}.
 */
@FunctionalInterface
public interface Schedule {
    /**
     * The value for one update.
     *
     * @param position number of updates made, or tokens seen, before this one: 0 for the first
     */
    double at(long position);

    /** The value for the update that comes after so many steps with so many tokens. */
    default double at(long step, long tokens) {
        return at(step);
    }

    /**
     * A schedule whose lengths are in tokens, and which therefore does not depend on how many of them make a step.
     *
     * @param schedule its positions are tokens seen
     */
    record InTokens(Schedule schedule) implements Schedule {
        @Override
        public double at(long position) {
            return schedule.at(position);
        }

        @Override
        public double at(long step, long tokens) {
            return schedule.at(tokens);
        }
    }
}
