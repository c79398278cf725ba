package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchCurvatureTest {
    /** The predictions of the golden vectors, exact in double. */
    @ParameterizedTest
    @CsvSource({"20, 0.01, 10000, 20.05", "20, 0.5, 10000, 100", "5, 1, 1, 5.2", "0.5, 1, 1, 2"})
    void additiveNoiseLiftsASpikeOrHidesIt(double lambda, double sigma, double ratio, double predicted) {
        assertEquals(predicted, BatchCurvature.additive(lambda, sigma, ratio), 1e-13);
        assertEquals(-predicted, BatchCurvature.additive(-lambda, sigma, ratio), 1e-13);
    }

    /** Largest eigenvalues of X'X / B, X of B rows and 200 columns: noise alone, and a spike of 11 over noise 1. */
    @ParameterizedTest
    @CsvSource({"0, 25, 14.66", "0, 50, 9", "0, 100, 5.83", "0, 200, 4", "0, 400, 2.91", "0, 800, 2.25", "0, 1600, 1.83",
        "0, 6400, 1.385", "10, 100, 13.2", "10, 400, 11.55", "10, 3200, 11.07"})
    void multiplicativeNoiseLiftsASpikeOrHidesIt(double lambda, double batch, double predicted) {
        assertEquals(predicted, BatchCurvature.multiplicative(lambda, 1, 200 / batch), 5e-3);
    }

    @Test
    void bothAreContinuousWhereTheSpikeAppears() {
        assertEquals(BatchCurvature.additive(3, 1, 9), BatchCurvature.additive(3 + 1e-9, 1, 9), 1e-8);
        assertEquals(BatchCurvature.multiplicative(6, 2, 9), BatchCurvature.multiplicative(6 + 1e-9, 2, 9), 1e-7);
    }

    @Test
    void withoutNoiseABatchShowsWhatThereIs() {
        assertEquals(7, BatchCurvature.additive(7, 0, 100));
        assertEquals(7, BatchCurvature.multiplicative(7, 0, 100));
    }

    @Test
    void allSamplesTogetherHaveNoNoise() {
        assertEquals(200, BatchCurvature.effectiveBatch(100, 200));
        assertEquals(1.0, BatchCurvature.effectiveBatch(1, 1e12), 1e-11);
        double all = BatchCurvature.effectiveBatch(200, 200);
        assertEquals(5, BatchCurvature.additive(5, 1, 1000 / all));
    }

    @Test
    void momentumMakesLargerRatesStable() {
        assertEquals(0.2, BatchCurvature.largestStable(10, 0), 1e-15);
        assertEquals(0.38, BatchCurvature.largestStable(10, 0.9), 1e-15);
    }

    @Test
    void dampingGoesWithTheRateOverTheBatch() {
        assertEquals(1e-8 * 3 / 4, BatchCurvature.damping(1e-8, 1e-3, 16, 3e-3, 64), 1e-22);
    }

    @Test
    void whatIsNoNoiseOrNoBatchIsRefused() {
        for (double wrong : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> BatchCurvature.additive(1, wrong, 1), "sigma " + wrong);
            assertThrows(IllegalArgumentException.class, () -> BatchCurvature.multiplicative(1, 1, wrong), "ratio " + wrong);
        }
        assertThrows(IllegalArgumentException.class, () -> BatchCurvature.effectiveBatch(11, 10));
        assertThrows(IllegalArgumentException.class, () -> BatchCurvature.effectiveBatch(0, 10));
        assertThrows(IllegalArgumentException.class, () -> BatchCurvature.largestStable(-1, 0));
    }
}
