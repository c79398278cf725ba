package dev.smallbatch.bench.measure;

import java.util.ArrayList;
import java.util.List;

/**
 * How long each repetition of a piece of work took.
 *
 * @param seconds one for each, in order; at least one
 */
public record Timings(List<Double> seconds) {
    public Timings {
        seconds = List.copyOf(seconds);
    }

    /**
     * Repeats until both are reached.
     *
     * @param count repetitions, at least 1
     * @param seconds wall-clock time in total, whatever lies between the repetitions included
     */
    public record AtLeast(int count, double seconds) {
        public AtLeast {
            if (count < 1 || !(seconds >= 0)) {
                throw new IllegalArgumentException("timings: at least " + count + " repetitions and " + seconds
                        + " seconds; must be at least 1 and 0");
            }
        }
    }

    /**
     * Does the work again and again.
     *
     * @param prepare before each repetition, not timed
     * @param work timed
     */
    public static Timings repeat(AtLeast atLeast, Runnable prepare, Runnable work) {
        List<Double> seconds = new ArrayList<>();
        long start = System.nanoTime();
        while (seconds.size() < atLeast.count || 1e-9 * (System.nanoTime() - start) < atLeast.seconds) {
            prepare.run();
            long begin = System.nanoTime();
            work.run();
            seconds.add(1e-9 * (System.nanoTime() - begin));
        }
        return new Timings(seconds);
    }

    /** As above, of work that needs no preparation. */
    public static Timings repeat(AtLeast atLeast, Runnable work) {
        return repeat(atLeast, () -> { }, work);
    }

    public int count() {
        return seconds.size();
    }

    public double median() {
        return Statistics.median(seconds);
    }

    public double best() {
        return seconds.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
    }
}
