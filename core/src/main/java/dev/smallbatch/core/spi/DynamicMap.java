package dev.smallbatch.core.spi;

/**
 * The 256 numbers that 8-bit codes stand for, ascending, the index being the code: 0, 1, and in each of the seven decades that
 * end at 1 the middles of equal cells, twice as many as in the decade below. So large numbers are precise to a percent and
 * small ones still differ from 0.
 *
 * @see <a href="https://arxiv.org/abs/2110.02861">Dettmers et al. 2021, section 2.1</a>
 */
public enum DynamicMap {
    /** With the negatives of all but 1; 1 to 64 cells; 0 has code 127. For moments. */
    SIGNED(127, 0),
    /** 2 to 128 cells; 0 has code 0. For means of squares beside a moment. */
    UNSIGNED(0, 1);

    /** How many decades there are. */
    public static final int DECADES = 7;
    /** The largest code, that of 1. */
    public static final int LAST = 255;

    private final int zero;
    private final float[] values = new float[LAST + 1];
    private final float[] midpoints = new float[LAST];

    DynamicMap(int zero, int bits) {
        this.zero = zero;
        int code = zero;
        for (int decade = 0; decade < DECADES; decade++) {
            int cells = 1 << decade + bits;
            float size = (float) Math.pow(10, decade - (DECADES - 1));
            for (int i = 0; i < cells; i++) {
                float value = size * ((edge(i, cells) + edge(i + 1, cells)) / 2);
                values[++code] = value;
                if (zero > 0) {
                    values[2 * zero - code] = -value;
                }
            }
        }
        values[LAST] = 1;
        for (int i = 0; i < LAST; i++) {
            midpoints[i] = (values[i] + values[i + 1]) / 2;
        }
    }

    /** Where cell i of [0.1, 1] begins, rounded as in the tables of other programs, so that codes mean the same bits. */
    private static float edge(int i, int cells) {
        float width = (1 - 0.1f) / cells;
        return i < (cells + 1) / 2 ? Math.fma(width, i, 0.1f) : Math.fma(-width, cells - i, 1);
    }

    /** The number of a code from 0 to {@link #LAST}. */
    public float value(int code) {
        return values[code];
    }

    /** Halfway between the numbers of {@code code}, below {@link #LAST}, and of the next. */
    public float midpoint(int code) {
        return midpoints[code];
    }

    /**
     * The code of the nearest number, of two as near the lower; 0 for NaN.
     *
     * @param preserveSign whether what has a sign bit gets the code of a negative number, if there are any, and never 0's
     */
    public int code(float y, boolean preserveSign) {
        int low = 0;
        int high = LAST;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (y > midpoints[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        boolean lost = preserveSign && low == zero && zero > 0 && Float.floatToRawIntBits(y) < 0;
        return lost ? low - 1 : low;
    }
}
