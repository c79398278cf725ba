package dev.smallbatch.core.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class BFloat16Test {
    private static int nearest(float value) {
        return BFloat16.nearestEven(value) & 0xFFFF;
    }

    @Test
    void everyNumberSurvivesTheWayThroughFloat() {
        for (int bits = 0; bits < 0x10000; bits++) {
            float value = BFloat16.toFloat((short) bits);
            if (!Float.isNaN(value)) {
                assertEquals(bits, nearest(value));
                assertEquals((short) bits, BFloat16.rounded(value, 0xFFFF));
            }
        }
    }

    @Test
    void tiesGoToTheEvenNeighbour() {
        assertEquals(0x3F80, nearest(1 + 0x1p-8f));
        assertEquals(0x3F82, nearest(1 + 3 * 0x1p-8f));
        assertEquals(0xBF82, nearest(-1 - 3 * 0x1p-8f));
        assertEquals(0x3F81, nearest(Math.nextUp(1 + 0x1p-8f)));
    }

    @Test
    void anIncrementCarriesIntoTheUpperHalfOrNot() {
        float quarter = 1 + 0x1p-9f;
        assertEquals(0x3F80, BFloat16.rounded(quarter, 0xBFFF));
        assertEquals(0x3F81, BFloat16.rounded(quarter, 0xC000));
        assertEquals(0x4000, BFloat16.rounded(2 - 0x1p-9f, 0x4000), "a carry into the exponent");
    }

    @Test
    void infinityStaysAndNotANumberDoesToo() {
        assertEquals(0x7F80, BFloat16.rounded(Float.POSITIVE_INFINITY, 0xFFFF));
        assertEquals(0xFF80, nearest(Float.NEGATIVE_INFINITY));
        for (int bits : new int[] {0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF}) {
            assertTrue(Float.isNaN(BFloat16.toFloat(BFloat16.rounded(Float.intBitsToFloat(bits), 0xFFFF))));
        }
    }
}
