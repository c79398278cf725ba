package dev.smallbatch.core.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Elementary functions on vectors: polynomials, the same bits in every lane, compiled or interpreted. */
final class VectorMath {
    // Constants are vectors made once: each broadcast in an expression takes a share of what the compiler inlines at most.
    private static final FloatVector LOG2_E = Lanes.all(1.44269504f);
    /** -ln 2 in two parts, the first with few bits, so that its product with n is exact. */
    private static final FloatVector MINUS_LN2_HIGH = Lanes.all(-0.693359375f);
    private static final FloatVector MINUS_LN2_LOW = Lanes.all(2.12194440e-4f);
    /** 1.5 * 2^23: adding it leaves the rounded integer in the low bits. */
    private static final FloatVector ROUND = Lanes.all(12582912f);
    private static final FloatVector E7 = Lanes.all(1 / 5040f);
    private static final FloatVector E6 = Lanes.all(1 / 720f);
    private static final FloatVector E5 = Lanes.all(1 / 120f);
    private static final FloatVector E4 = Lanes.all(1 / 24f);
    private static final FloatVector E3 = Lanes.all(1 / 6f);
    private static final FloatVector HALF = Lanes.all(0.5f);
    private static final FloatVector ONE = Lanes.all(1);
    private static final float EXP_MIN = -86.6f;
    private static final float EXP_MAX = 88.72f;
    /** n is 129 here, and its power, by its bits, infinity. */
    private static final float EXP_INFINITE = 89.4f;

    private VectorMath() {}

    /**
     * {@code exp(x)}, relative error below 3e-7; 0 below -86.6, infinity above 88.72, NaN for NaN.
     *
     * <p>{@code exp(x) = 2^n exp(r)} with n the nearest integer to x / ln 2 and |r| at most ln 2 / 2; exp(r) is its Taylor
     * polynomial of degree 7, whose remainder is below 6e-9 there.
     */
    static FloatVector exp(FloatVector x) {
        FloatVector result = expWithin(x);
        result = result.blend(0, x.compare(VectorOperators.LT, EXP_MIN));
        return result.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, EXP_MAX));
    }

    /** {@link #exp} from its lower limit to {@link #EXP_INFINITE}, elsewhere anything; NaN for NaN. */
    private static FloatVector expWithin(FloatVector x) {
        FloatVector shifted = x.fma(LOG2_E, ROUND);
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(MINUS_LN2_LOW, n.fma(MINUS_LN2_HIGH, x));
        FloatVector p = E7.fma(r, E6).fma(r, E5).fma(r, E4).fma(r, E3).fma(r, HALF).fma(r, ONE).fma(r, ONE);
        // 2^(n-1) has an exponent in range for every n that is left, up to 128; the missing factor 2 goes to p.
        FloatVector power = shifted.reinterpretAsInts().add(126).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
        return p.add(p).mul(power);
    }

    /** {@code 1 / (1 + exp(-x))}; exp stops where it is next to nothing or infinite, so that the result is 1 or 0. */
    static FloatVector sigmoid(FloatVector x) {
        return ONE.div(expWithin(x.neg().max(EXP_MIN).min(EXP_INFINITE)).add(ONE));
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
