package dev.smallbatch.tck;

import java.util.Locale;

/**
 * How strictly a back end is held to the oracle.
 *
 * @param factor multiplies every bound of the suite; 1 for float arithmetic with correctly rounded basic operations
 */
public record Tolerance(double factor) {
    /** For float arithmetic, fused or not, in any order of summation. */
    public static final Tolerance STRICT = new Tolerance(1);

    public Tolerance {
        if (!(factor >= 1)) {
            throw new IllegalArgumentException("tolerance factor " + factor + "; at least 1");
        }
    }

    /**
     * Compares an output with the oracle.
     *
     * @return null if every element is within its bound, else the worst element: index, both values and the bound
     */
    String compare(String name, double[] actual, Expected expected) {
        if (actual.length != expected.value().length) {
            return "%s: %d elements, the oracle has %d".formatted(name, actual.length, expected.value().length);
        }
        int worst = -1;
        int wrong = 0;
        double worstExcess = 1;
        for (int i = 0; i < actual.length; i++) {
            double excess = excess(actual[i], expected.value()[i], expected.bound()[i]);
            if (excess > 1) {
                wrong++;
            }
            if (excess > worstExcess) {
                worstExcess = excess;
                worst = i;
            }
        }
        if (worst < 0) {
            return null;
        }
        return String.format(Locale.ROOT, "%s[%d] is %s, the oracle says %s: %.3g times the permitted difference of %.3g "
                + "(%d of %d elements are off)", name, worst, actual[worst], expected.value()[worst], worstExcess,
                factor * expected.bound()[worst], wrong, actual.length);
    }

    /** Difference in units of the permitted one; infinite where NaN or infinity is missing or unwanted. */
    private double excess(double actual, double expected, double bound) {
        if (Double.isNaN(expected)) {
            return Double.isNaN(actual) ? 0 : Double.POSITIVE_INFINITY;
        }
        if (Float.isInfinite((float) expected)) {
            return actual == (float) expected ? 0 : Double.POSITIVE_INFINITY;
        }
        if (actual == expected) {
            return 0;
        }
        double excess = Math.abs(actual - expected) / (factor * bound);
        return Double.isNaN(excess) ? Double.POSITIVE_INFINITY : excess;
    }
}
