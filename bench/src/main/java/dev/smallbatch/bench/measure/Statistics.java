package dev.smallbatch.bench.measure;

import java.util.List;

/** The few numbers that sum up others. */
public final class Statistics {
    private Statistics() {}

    /** The middle value, or the mean of the middle two. */
    public static double median(List<Double> values) {
        requireSome(values);
        List<Double> sorted = values.stream().sorted().toList();
        int half = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(half) : (sorted.get(half - 1) + sorted.get(half)) / 2;
    }

    /** {@code (x1 x2 ... xn)^(1/n)} of positive numbers: the mean for ratios, the same whichever way they are formed. */
    public static double geometricMean(List<Double> values) {
        requireSome(values);
        double logs = 0;
        for (double value : values) {
            if (!(value > 0)) {
                throw new IllegalArgumentException("geometric mean: " + value + " among the values; all must be positive");
            }
            logs += Math.log(value);
        }
        return Math.exp(logs / values.size());
    }

    private static void requireSome(List<Double> values) {
        if (values.isEmpty()) {
            throw new IllegalArgumentException("statistics: no values; at least one");
        }
    }
}
