package dev.smallbatch.tck;

/**
 * What an output must hold: the oracle's value and the permitted absolute difference, element by element.
 *
 * @param value exact up to double rounding
 * @param bound permitted difference; 0 asks for the very value
 */
record Expected(double[] value, double[] bound) {
    /** Half the distance between 1 and the next float. */
    static final double UNIT = 0x1p-24;

    static Expected exact(double[] value) {
        return new Expected(value, new double[value.length]);
    }

    /**
     * A float computation of {@code terms} rounded steps whose intermediate results have the size {@code scale}: the
     * bound is {@code c * sqrt(terms) * 2^-24 * scale}, what independent roundings add up to, and never below the normal
     * range of float, where a back end may flush to zero.
     */
    static Expected within(double c, double terms, double[] value, double[] scale) {
        double[] bound = new double[scale.length];
        for (int i = 0; i < bound.length; i++) {
            double rounding = c * Math.sqrt(Math.max(1, terms)) * UNIT * scale[i];
            bound[i] = scale[i] == 0 && value[i] == 0 ? 0 : Math.max(Float.MIN_NORMAL, rounding);
        }
        return new Expected(value, bound);
    }
}
