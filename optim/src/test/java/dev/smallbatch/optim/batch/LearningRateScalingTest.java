package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class LearningRateScalingTest {
    @Test
    void theObservedExponentMakesThreefoldOfAThousandfoldBatch() {
        assertEquals(Math.log(3) / Math.log(1024), LearningRateScaling.OBSERVED.exponent(), 1e-3);
        assertEquals(3e-3, LearningRateScaling.OBSERVED.scale(1e-3, 512, 512 * 1024), 2e-5);
    }

    @Test
    void theOthersAreNamedAfterWhatTheyDo() {
        assertEquals(0.1, LearningRateScaling.CONSTANT.scale(0.1, 1, 64));
        assertEquals(0.8, LearningRateScaling.SQUARE_ROOT.scale(0.1, 1, 64), 1e-15);
        assertEquals(6.4, LearningRateScaling.LINEAR.scale(0.1, 1, 64), 1e-15);
    }

    @Test
    void fromLargeToSmallItUndoesWhatItDidFromSmallToLarge() {
        double large = LearningRateScaling.OBSERVED.scale(1.7e-3, 512, 131_072);
        assertEquals(1.7e-3, LearningRateScaling.OBSERVED.scale(large, 131_072, 512), 1e-17);
    }

    @Test
    void exponentsCanBeReadOffTwoLearningRates() {
        // The published 1.3B runs: a third of the rate at a 512th of the batch.
        assertEquals(0.176, LearningRateScaling.Power.exponentOf(3, 1, 512, 1), 1e-3);
        assertEquals(0.5, LearningRateScaling.Power.exponentOf(1e-3, 8e-3, 1, 64), 1e-12);
    }

    @Test
    void whatIsNoPowerOrNoBatchIsRefused() {
        for (double exponent : new double[] {-0.1, 1.1, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> new LearningRateScaling.Power(exponent), "exponent " + exponent);
        }
        for (double tokens : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> LearningRateScaling.LINEAR.scale(1, tokens, 1),
                    "tokens " + tokens);
        }
    }

    @Test
    void scalingsHaveNames() {
        assertEquals(LearningRateScaling.CONSTANT, LearningRateScaling.of("none"));
        assertEquals(LearningRateScaling.SQUARE_ROOT, LearningRateScaling.of("sqrt"));
        assertEquals(2.4, ((SpikedScaling) LearningRateScaling.of("spiked=2.4")).criticalBatch());
        for (String name : new String[] {"spiked", "spiked=", "spiked=-1", "Linear", ""}) {
            assertThrows(IllegalArgumentException.class, () -> LearningRateScaling.of(name), name);
        }
    }
}
