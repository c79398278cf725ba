package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SpikedScalingTest {
    private static final SpikedScaling SPIKED = new SpikedScaling(10, 6400);

    @Test
    void isLinearInSmallBatchesAndConstantInLargeOnes() {
        assertEquals(64, SPIKED.criticalBatch());
        assertEquals(LearningRateScaling.LINEAR.scale(0.1, 0.01, 0.04), SPIKED.scale(0.1, 0.01, 0.04), 1e-3 * 0.4);
        assertEquals(0.1, SPIKED.scale(0.1, 1e6, 1e8), 1e-4);
        assertEquals(0.1, SPIKED.largestStable(64, 0), 1e-15, "half of 2 / lambda at the critical batch");
    }

    @Test
    void followsTheLargestStableRate() {
        double ratio = SPIKED.largestStable(32, 0.9) / SPIKED.largestStable(4, 0.9);
        assertEquals(0.3 * ratio, SPIKED.scale(0.3, 4, 32), 1e-15);
    }

    @Test
    void twoMeasurementsDetermineIt() {
        SpikedScaling fitted = SpikedScaling.fit(4, SPIKED.largest(4), 256, SPIKED.largest(256));
        assertEquals(10, fitted.lambda(), 1e-12);
        assertEquals(6400, fitted.noise(), 1e-9);
        assertEquals(fitted.lambda(), SpikedScaling.fit(256, SPIKED.largest(256), 4, SPIKED.largest(4)).lambda(), 1e-12);
    }

    @Test
    void agreesWithTheAdditiveModelAboveTheCriticalBatch() {
        for (double batch : new double[] {65, 100, 1e5}) {
            assertEquals(BatchCurvature.additive(10, 80, 1 / batch), SPIKED.largest(batch), 1e-12, "batch " + batch);
        }
        assertTrue(BatchCurvature.additive(10, 80, 1.0 / 16) < SPIKED.largest(16), "below it the bulk hides the spike");
    }

    @Test
    void measurementsThatNoNoiseExplainsAreRefused() {
        String message = assertThrows(IllegalArgumentException.class, () -> SpikedScaling.fit(4, 10, 64, 20)).getMessage();
        assertTrue(message.contains("measure over more batches"), message);
        assertThrows(IllegalArgumentException.class, () -> SpikedScaling.fit(4, 160, 64, 5));
        assertThrows(IllegalArgumentException.class, () -> SpikedScaling.fit(4, 10, 4, 10));
        assertThrows(IllegalArgumentException.class, () -> new SpikedScaling(0, 1));
        assertThrows(IllegalArgumentException.class, () -> SPIKED.largest(0));
    }
}
