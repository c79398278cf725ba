package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.optim.schedule.WarmupCosine;
import java.util.List;
import org.junit.jupiter.api.Test;

class HyperparametersTest {
    private static final Decay BETA1 = new Decay.PerStep(0.9);
    private static final Decay BETA2 = new Decay.PerStep(0.95);
    /** The published baseline of the 124M model. */
    private static final Hyperparameters LARGE = Hyperparameters.of(512, 1024, 2_470_640_640L, 4.8e-3, BETA1, BETA2)
            .withWeightDecay(Hyperparameters.LARGE_BATCH_WEIGHT_DECAY);
    private static final Hyperparameters ONE = LARGE.forBatch(1, 1024, LearningRateScaling.OBSERVED);

    @Test
    void atAnotherBatchSizeTheHalfLifeOfBeta2Stays() {
        assertEquals(7_084_917.3, ONE.beta2HalfLife(), 0.05);
        assertEquals(0.9998998228, ONE.beta2().perStep(ONE.tokensPerStep()), 5e-11);
        assertEquals(LARGE.beta2HalfLife(), ONE.beta2HalfLife(), 1e-6);
    }

    @Test
    void atAnotherBatchSizeBeta1AndNotItsHalfLifeStays() {
        assertEquals(BETA1, ONE.beta1());
        Hyperparameters byHalfLife = Hyperparameters.of(16, 512, 1_000_000, 1e-3, new Decay.HalfLife(60_000), BETA2);
        assertEquals(0.909702, byHalfLife.beta1().perStep(byHalfLife.tokensPerStep()), 5e-7);
        assertEquals(0.909702, byHalfLife.forBatch(1, 512, LearningRateScaling.OBSERVED).beta1().perStep(512), 5e-7);
    }

    @Test
    void theLearningRateFollowsTheTokensOfAStep() {
        assertEquals(4.8e-3 * Math.pow(512, -0.158), ONE.peakLearningRate(), 1e-15);
        Hyperparameters shorter = LARGE.forBatch(512, 256, LearningRateScaling.SQUARE_ROOT);
        assertEquals(2.4e-3, shorter.peakLearningRate(), 1e-15);
    }

    @Test
    void weightDecayIsLeftOutAtBatchSizeOne() {
        assertEquals(0, ONE.weightDecay());
        assertEquals(0.1, LARGE.forBatch(2, 1024, LearningRateScaling.OBSERVED).weightDecay());
    }

    @Test
    void theLengthInTokensStays() {
        assertEquals(2_412_735, ONE.steps());
        assertEquals(120_636, ONE.warmupSteps());
        assertEquals(4712, LARGE.steps());
    }

    @Test
    void theThirtyMillionModelAtBatch256HasThePublishedSteps() {
        Hyperparameters run = Hyperparameters.of(256, 512, 598_310_400, 5e-3, BETA1, new Decay.HalfLife(10e6));
        assertEquals(4564, run.steps());
        assertEquals(228, run.warmupSteps());
        assertEquals(0.9909559, run.beta2().perStep(run.tokensPerStep()), 5e-8);
    }

    @Test
    void theScheduleOfAHundredStepsHasThePublishedValues() {
        Hyperparameters run = Hyperparameters.of(1, 1, 100, 1, BETA1, BETA2);
        WarmupCosine schedule = new WarmupCosine(run.peakLearningRate(), run.steps(), run.warmupSteps());
        assertEquals(0.2, schedule.at(1), 1e-15);
        assertEquals(1, schedule.at(5), 1e-15);
        assertEquals(0.50826693, schedule.at(52), 6e-8);
    }

    @Test
    void everyNumberIsExplained() {
        assertEquals(List.of(
                "batches of 1 x 1,024 = 1,024 tokens",
                "2,412,735 steps for 2,470,640,640 tokens, 120,636 of them warm-up",
                "learning rate 0.001791, at 524,288 tokens per step 0.0048",
                "beta1 0.9 at every batch size",
                "beta2 0.9998998228: a half-life of 7,084,917 tokens, which beta2 0.95 has at 524,288 tokens per step",
                "no weight decay: at batch size 1 the published runs have none"), ONE.explain());
    }

    @Test
    void rulesWithoutAveragesHaveNoDecaysToExplain() {
        Decay none = new Decay.PerStep(0);
        Hyperparameters sgd = Hyperparameters.of(4, 512, 1_000_000, 0.2, none, none);
        assertEquals(4, sgd.explain().size());
        assertEquals(List.of(), sgd.warnings());
        assertEquals(List.of(), sgd.forBatch(1, 512, LearningRateScaling.OBSERVED).warnings());
    }

    @Test
    void halfLivesOfSecondMomentsAreTheUsualOnes() {
        assertEquals(10e6, Decay.HalfLife.ofSecondMoment(500_000_000, 512).tokens());
        assertEquals(9_999_999.98, Decay.HalfLife.ofSecondMoment(499_999_999, 512).tokens(), 1e-6);
        assertEquals(11_468.8, Decay.HalfLife.ofSecondMoment(573_440, 512).tokens(), 1e-9);
    }

    @Test
    void halfLivesOfSecondMomentsAreAtLeastFourteenUpdates() {
        assertEquals(1792, Decay.HalfLife.ofSecondMoment(60 * 128, 128).tokens());
        assertEquals(14 << 20, Decay.HalfLife.ofSecondMoment(500_000_000, 1 << 20).tokens());
        assertEquals(0.9517, Decay.HalfLife.ofSecondMoment(1, 1).perStep(1), 5e-5);
    }

    @Test
    void whatFollowsTheRulesIsNotWarnedOf() {
        assertEquals(List.of(), LARGE.warnings());
        assertEquals(List.of(), ONE.warnings());
        for (long tokens : new long[] {100, 573_440, 10_000_000_000L}) {
            Hyperparameters usual = Hyperparameters.of(1, 32, tokens, 1e-3, BETA1, Decay.HalfLife.ofSecondMoment(tokens, 32));
            assertEquals(List.of(), usual.warnings(), tokens + " tokens");
        }
    }

    private static void assertWarning(String part, Hyperparameters suspect) {
        assertEquals(1, suspect.warnings().size(), () -> suspect.warnings().toString());
        assertTrue(suspect.warnings().getFirst().contains(part), () -> suspect.warnings().toString());
    }

    @Test
    void aBeta2ThatStaysWhileTheBatchChangesIsWarnedOf() {
        assertWarning("beta2 0.95 was tuned at 524,288 tokens per step and is the same at 8,192, so that its half-life went"
                + " from 7,084,917 to 110,702 tokens; keep the half-life: beta2 0.9991988",
                LARGE.forBatch(8, 1024, LearningRateScaling.OBSERVED).withBeta2(BETA2));
    }

    @Test
    void aHalfLifeAboveATenthOfTheRunIsWarnedOf() {
        assertWarning("120,000 tokens, is 12 % of the run",
                Hyperparameters.of(1, 32, 1_000_000, 1e-3, BETA1, new Decay.HalfLife(120_000)));
    }

    @Test
    void aBeta2OfFewStepsAtBatchSizeOneIsWarnedOf() {
        Hyperparameters large = Hyperparameters.of(1, 1024, 2_470_640_640L, 1.5e-4, BETA1, BETA2);
        assertWarning("beta2 0.95 forgets half within 13.5 steps", large);
        assertWarning("a half-life of 10,000,000 tokens (beta2 0.999929) is usual", large);
        assertEquals(List.of(), Hyperparameters.of(512, 1024, 2_470_640_640L, 1e-3, BETA1, BETA2).warnings());
    }

    @Test
    void aDecayWithTheDigitsOfAFloatIsWarnedOf() {
        assertWarning("beta2 0.999899983 has only the digits of a float",
                Hyperparameters.of(1, 1024, 2_470_640_640L, 1e-3, BETA1, new Decay.PerStep(0.9999f)));
        assertEquals(List.of(), Hyperparameters.of(1, 1024, 2_470_640_640L, 1e-3, BETA1, new Decay.PerStep(0.9999)).warnings());
    }

    @Test
    void aLearningRateThatFollowsTheSquareRootIsWarnedOfWhoeverScaledIt() {
        assertWarning("exponent 0.50 (0.5 is its square root)", LARGE.forBatch(1, 1024, LearningRateScaling.SQUARE_ROOT));
        assertWarning("the best one was seen to follow with 0.158, which makes it 0.001791",
                ONE.withPeakLearningRate(4.8e-3 / Math.sqrt(512)));
        assertEquals(List.of(), ONE.withPeakLearningRate(4.8e-3).warnings());
    }

    @Test
    void impossibleNumbersAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> Hyperparameters.of(0, 1, 1, 1, BETA1, BETA2));
        assertThrows(IllegalArgumentException.class, () -> Hyperparameters.of(1, 1, 0, 1, BETA1, BETA2));
        assertThrows(IllegalArgumentException.class, () -> LARGE.withPeakLearningRate(0));
        assertThrows(IllegalArgumentException.class, () -> LARGE.withWeightDecay(-1));
        assertThrows(IllegalArgumentException.class, () -> LARGE.withWarmupFraction(1.5));
    }
}
