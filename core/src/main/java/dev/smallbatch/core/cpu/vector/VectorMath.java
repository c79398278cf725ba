package dev.smallbatch.core.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Elementary functions on vectors: polynomials, the same bits in every lane, compiled or interpreted. */
final class VectorMath {
    private static final float LOG2_E = 1.44269504f;
    /** ln 2 in two parts, the first with few bits, so that {@code n * LN2_HIGH} is exact. */
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    /** 1.5 * 2^23: adding it leaves the rounded integer in the low bits. */
    private static final float ROUND = 12582912f;
    private static final float EXP_MIN = -86.6f;
    private static final float EXP_MAX = 88.72f;

    private VectorMath() {}

    /**
     * {@code exp(x)}, relative error below 3e-7; 0 below -86.6, infinity above 88.72, NaN for NaN.
     *
     * <p>{@code exp(x) = 2^n exp(r)} with n the nearest integer to x / ln 2 and |r| at most ln 2 / 2; exp(r) is its Taylor
     * polynomial of degree 7, whose remainder is below 6e-9 there.
     */
    static FloatVector exp(FloatVector x) {
        FloatVector shifted = x.fma(Lanes.all(LOG2_E), Lanes.all(ROUND));
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(Lanes.all(-LN2_HIGH), x);
        r = n.fma(Lanes.all(-LN2_LOW), r);
        FloatVector p = Lanes.all(1 / 5040f).fma(r, Lanes.all(1 / 720f));
        p = p.fma(r, Lanes.all(1 / 120f));
        p = p.fma(r, Lanes.all(1 / 24f));
        p = p.fma(r, Lanes.all(1 / 6f));
        p = p.fma(r, Lanes.all(0.5f));
        p = p.fma(r, Lanes.all(1));
        p = p.fma(r, Lanes.all(1));
        // 2^(n-1) has an exponent in range for every n that is left, up to 128; the missing factor 2 goes to p.
        FloatVector power = shifted.reinterpretAsInts().add(126).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
        FloatVector result = p.add(p).mul(power);
        result = result.blend(0, x.compare(VectorOperators.LT, EXP_MIN));
        return result.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, EXP_MAX));
    }

    /** {@code 1 / (1 + exp(-x))}. */
    static FloatVector sigmoid(FloatVector x) {
        return Lanes.all(1).div(exp(x.neg()).add(1));
    }

    /**
     * The error function of x at least 0, absolute error below 2e-7, and {@code exp(-x^2)} is passed in.
     *
     * @see <a href="https://personal.math.ubc.ca/~cbm/aands/page_299.htm">Abramowitz and Stegun, formula 7.1.26</a>
     */
    static FloatVector erfOfPositive(FloatVector x, FloatVector expOfMinusSquare) {
        FloatVector t = Lanes.all(1).div(x.fma(Lanes.all(0.3275911f), Lanes.all(1)));
        FloatVector p = Lanes.all(1.061405429f).fma(t, Lanes.all(-1.453152027f));
        p = p.fma(t, Lanes.all(1.421413741f));
        p = p.fma(t, Lanes.all(-0.284496736f));
        p = p.fma(t, Lanes.all(0.254829592f));
        return Lanes.all(1).sub(p.mul(t).mul(expOfMinusSquare));
    }
}
