package dev.smallbatch.model.run;

import java.util.function.DoubleConsumer;

/** Times training steps. */
final class StepTimer {
    /** The speed is measured in windows, until one is hardly faster than the one before. */
    private static final double WINDOW_SECONDS = 1;
    private static final int FEWEST_WINDOWS = 4;
    private static final double STEADY = 0.9;

    private StepTimer() {}

    /**
     * Repeats a step until its time does not fall any more, because the JVM has compiled it.
     *
     * @param longest seconds to spend at most
     * @param progress told the seconds spent
     * @return seconds of a step
     */
    static double steady(Runnable step, double longest, DoubleConsumer progress) {
        double windowSeconds = Math.min(WINDOW_SECONDS, longest / FEWEST_WINDOWS);
        long begin = System.nanoTime();
        double before = Double.POSITIVE_INFINITY;
        for (int window = 1; ; window++) {
            long windowBegin = System.nanoTime();
            long steps = 0;
            do {
                step.run();
                steps++;
            } while (seconds(windowBegin) < windowSeconds);
            double perStep = seconds(windowBegin) / steps;
            progress.accept(seconds(begin));
            boolean steady = window >= FEWEST_WINDOWS && perStep > STEADY * before;
            if (steady || seconds(begin) >= longest) {
                return perStep;
            }
            before = perStep;
        }
    }

    /**
     * The fastest of a few repetitions after one that is not counted, for work that is compiled already.
     *
     * @param longest seconds after which no other repetition begins
     */
    static double fastest(Runnable step, double longest) {
        long begin = System.nanoTime();
        step.run();
        double fastest = Double.POSITIVE_INFINITY;
        do {
            long before = System.nanoTime();
            step.run();
            fastest = Math.min(fastest, seconds(before));
        } while (seconds(begin) + fastest < longest);
        return fastest;
    }

    static double seconds(long since) {
        return (System.nanoTime() - since) * 1e-9;
    }
}
