package dev.smallbatch.core.rand;

/**
 * Four words to four standard normal numbers. Logarithm, sine and cosine are series in double made of operations that
 * IEEE 754 fixes to the last bit, so that the result is the same on every machine, which {@link Math#log} does not promise.
 */
final class BoxMuller {
    private static final double TWO_TO_MINUS_32 = 0x1p-32;
    private static final double HALF_PI = Math.PI / 2;

    private BoxMuller() {}

    /**
     * {@code r cos a, r sin a} of words 0 and 1, then of words 2 and 3, where {@code r = sqrt(-2 ln((w + 1/2) / 2^32))} and
     * {@code a = 2 pi w' / 2^32}. Absolute error below 1e-12; no result exceeds 6.8 in magnitude.
     */
    static void fourNormals(int[] words, double[] out) {
        pair(words[0], words[1], out, 0);
        pair(words[2], words[3], out, 2);
    }

    private static void pair(int radiusWord, int angleWord, double[] out, int at) {
        double radius = Math.sqrt(-2 * log((Integer.toUnsignedLong(radiusWord) + 0.5) * TWO_TO_MINUS_32));
        // The angle is a signed rest of at most an eighth of a turn around the nearest quarter turn.
        int quarter = (angleWord + 0x20000000) >>> 30;
        double rest = (angleWord - (quarter << 30)) * (HALF_PI * 0x1p-30);
        double sin = sin(rest);
        double cos = cos(rest);
        double turnedCos = (quarter & 1) == 0 ? cos : -sin;
        double turnedSin = (quarter & 1) == 0 ? sin : cos;
        out[at] = (quarter & 2) == 0 ? radius * turnedCos : -(radius * turnedCos);
        out[at + 1] = (quarter & 2) == 0 ? radius * turnedSin : -(radius * turnedSin);
    }

    /** ln x for a normal positive x: exponent and {@code 2 artanh((m - 1) / (m + 1))}, m in [sqrt(1/2), sqrt 2). */
    private static double log(double x) {
        long bits = Double.doubleToRawLongBits(x);
        // Subtracting the bits of sqrt(1/2) carries into the exponent exactly where the mantissa passes it.
        long offset = bits - 0x3FE6A09E667F3BCDL;
        double m = Double.longBitsToDouble((offset & 0x000FFFFFFFFFFFFFL) + 0x3FE6A09E667F3BCDL);
        double s = (m - 1) / (m + 1);
        double z = s * s;
        double series = 1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9
                + z * (1.0 / 11 + z * (1.0 / 13 + z * (1.0 / 15)))))));
        return (offset >> 52) * 0.6931471805599453 + 2 * s * series;
    }

    private static double sin(double a) {
        double z = a * a;
        return a * (1 - z * (1.0 / 6 - z * (1.0 / 120 - z * (1.0 / 5040 - z * (1.0 / 362880
                - z * (1.0 / 39916800 - z * (1.0 / 6227020800.0)))))));
    }

    private static double cos(double a) {
        double z = a * a;
        return 1 - z * (1.0 / 2 - z * (1.0 / 24 - z * (1.0 / 720 - z * (1.0 / 40320
                - z * (1.0 / 3628800 - z * (1.0 / 479001600 - z * (1.0 / 87178291200.0)))))));
    }
}
