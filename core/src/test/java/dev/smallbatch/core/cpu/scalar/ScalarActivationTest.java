package dev.smallbatch.core.cpu.scalar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ScalarActivationTest {
    /** x and erf(x), the latter from tables of 20 digits. */
    private static final double[][] TABLE = {
        {0, 0},
        {1e-10, 1.1283791670955125739e-10},
        {0.1, 0.11246291601828489220},
        {0.5, 0.52049987781304653768},
        {1, 0.84270079294971486934},
        {1.5, 0.96610514647531072707},
        {2, 0.99532226501895273416},
        {3, 0.99997790950300141456},
        {4, 0.99999998458274209972},
        {5, 0.99999999999846254021},
        {7, 1},
        {Double.POSITIVE_INFINITY, 1},
    };

    @Test
    void erfAgreesWithTablesTo1e14() {
        for (double[] row : TABLE) {
            assertEquals(row[1], ScalarActivation.erf(row[0]), 1e-14 * Math.max(1e-10, row[1]), "erf(" + row[0] + ")");
        }
    }

    @Test
    void erfIsOdd() {
        for (double[] row : TABLE) {
            assertEquals(ScalarActivation.erf(row[0]), -ScalarActivation.erf(-row[0]), 0, "erf(" + -row[0] + ")");
        }
    }

    @Test
    void erfOfNaNIsNaN() {
        assertTrue(Double.isNaN(ScalarActivation.erf(Double.NaN)));
    }

    @Test
    void erfIsContinuousWhereTheSeriesEnds() {
        assertEquals(1, ScalarActivation.erf(6), 1e-15);
        assertEquals(1, ScalarActivation.erf(Math.nextUp(6.0)), 0);
    }
}
