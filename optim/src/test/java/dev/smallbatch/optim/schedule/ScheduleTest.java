package dev.smallbatch.optim.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScheduleTest {
    @ParameterizedTest
    @CsvSource({"0, 0", "1, 0.2", "4, 0.8", "5, 1", "6, 0.99972665", "52, 0.50826693", "99, 0.00027338"})
    void cosineHasThePublishedValues(long step, double expected) {
        // The reference computes in float: one spacing of floats just below 1.
        assertEquals(expected, new WarmupCosine(1, 100, 5).at(step), 6e-8);
    }

    @Test
    void cosineHasFallenToHalfHalfwayAndToAQuarterAfterTwoThirds() {
        assertEquals(0.5, new WarmupCosine(1, 130, 10).at(70), 1e-15);
        assertEquals(0.25, new WarmupCosine(1, 130, 10).at(90), 1e-15);
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "5, 1", "10, 2", "11, 1.8", "15, 1", "19, 0.2", "20, 0"})
    void linearRisesToThePeakAndFallsToZeroAtTheEnd(long step, double expected) {
        assertEquals(expected, new WarmupLinear(2, 20, 10).at(step), 1e-12);
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "2, 0.5", "4, 1", "30, 1", "79, 1", "80, 1", "90, 0.5", "99, 0.05", "100, 0"})
    void stableDecayFallsInTheLastFifth(long step, double expected) {
        assertEquals(expected, new WarmupStableDecay(1, 100, 4).at(step), 1e-12);
    }

    @Test
    void stableDecayFallsForAsLongAsItIsTold() {
        assertEquals(0.9, new WarmupStableDecay(1, 100, 0, 10).at(91), 1e-12);
    }

    @Test
    void constantStaysAtThePeak() {
        assertEquals(0.3, new Constant(0.3).at(0));
        assertEquals(0.3, new Constant(0.3).at(1L << 40));
    }

    @Test
    void constantCanWarmUp() {
        assertEquals(0.15, new Constant(0.3, 10).at(5), 1e-12);
        assertEquals(0.3, new Constant(0.3, 10).at(10));
    }

    @Test
    void withoutWarmUpEveryScheduleStartsAtThePeak() {
        for (Schedule schedule : all(3, 50, 0)) {
            assertEquals(3, schedule.at(0), schedule.toString());
        }
    }

    @Test
    void decayingSchedulesStayAtZeroPastTheEnd() {
        for (Schedule schedule : all(3, 50, 10).subList(0, 3)) {
            assertEquals(0, schedule.at(50), 1e-15, schedule.toString());
            assertEquals(0, schedule.at(1000), 1e-15, schedule.toString());
        }
    }

    @Test
    void aRunMayBeAllWarmUp() {
        for (Schedule schedule : all(3, 10, 10)) {
            assertEquals(2.7, schedule.at(9), 1e-12, schedule.toString());
            assertTrue(Double.isFinite(schedule.at(10)), schedule.toString());
        }
    }

    @Test
    void warmUpLongerThanTheRunIsRefusedWithBothNumbers() {
        String message = assertThrows(IllegalArgumentException.class, () -> new WarmupCosine(1, 10, 11)).getMessage();
        assertEquals("schedule: 11 warm-up steps of 10 steps in all; 0 up to the total", message);
    }

    @Test
    void aPeakThatIsNoRateIsRefused() {
        for (double peak : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> new Constant(peak), "peak " + peak);
        }
    }

    @Test
    void aDecayThatDoesNotFitIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new WarmupStableDecay(1, 100, 50, 51));
    }

    private static List<Schedule> all(double peak, long total, long warmup) {
        return List.of(new WarmupCosine(peak, total, warmup), new WarmupLinear(peak, total, warmup),
                new WarmupStableDecay(peak, total, warmup), new Constant(peak, warmup));
    }
}
