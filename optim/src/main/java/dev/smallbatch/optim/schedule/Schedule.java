package dev.smallbatch.optim.schedule;

import java.util.function.LongToDoubleFunction;

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

    /** The value for an update of {@code tokensPerStep} that comes after so many steps with so many tokens. */
    default double at(long step, long tokens, long tokensPerStep) {
        return at(step);
    }

    /**
     * A schedule whose lengths are in tokens, so that how many of them make a step changes nothing but its scale.
     *
     * @param schedule its positions are tokens seen
     * @param scale of its values, by the tokens of an update
     */
    record InTokens(Schedule schedule, LongToDoubleFunction scale) implements Schedule {
        /** The same for every size of update. */
        public InTokens(Schedule schedule) {
            this(schedule, tokensPerStep -> 1);
        }

        @Override
        public double at(long position) {
            return schedule.at(position);
        }

        @Override
        public double at(long step, long tokens, long tokensPerStep) {
            return scale.applyAsDouble(tokensPerStep) * schedule.at(tokens);
        }
    }
}
