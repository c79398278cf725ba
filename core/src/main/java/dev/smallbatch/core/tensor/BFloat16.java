package dev.smallbatch.core.tensor;

/** The format of {@link DType#BF16}: the upper half of the bits of a float. */
public final class BFloat16 {
    private BFloat16() {}

    /** The float of the same value. */
    public static float toFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** The nearest number, ties to the one with an even last bit; NaN for NaN. */
    public static short nearestEven(float value) {
        int bits = Float.floatToRawIntBits(value);
        return rounded(value, 0x7FFF + (bits >>> 16 & 1));
    }

    /**
     * The upper half of the float's bits plus {@code increment}: a random increment of 16 bits, uniform, rounds to one of
     * the two neighbours with the expectation unchanged. Infinity and NaN get nothing added.
     *
     * @param increment from 0 to 65535
     */
    public static short rounded(float value, int increment) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >>> 16 | 0x40); // still one if the lower half held all of its bits
        }
        return (short) ((Float.isInfinite(value) ? bits : bits + increment) >>> 16);
    }
}
