package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.optim.schedule.WarmupLinear;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StepContextTest {
    /** Steps of 64, 64, 128 and 512 tokens were made; one of 1,024 comes. */
    private static final StepContext GROWN = context(4, 768, 1024);

    private static StepContext context(long step, long tokens, long tokensPerStep) {
        return new StepContext(step, tokens, tokensPerStep, 1, Double.NaN);
    }

    @Test
    void scheduleCountsStepsUnlessItsLengthsAreInTokens() {
        assertEquals(0.04, GROWN.value(new WarmupLinear(0.1, 100, 10)), 1e-15);
        assertEquals(0.0768, GROWN.value(new Schedule.InTokens(new WarmupLinear(0.1, 10_000, 1000))), 1e-15);
    }

    @Test
    void averageWithAHalfLifeIsCorrectedByTokensHoweverTheyWereGrouped() {
        assertEquals(1 - Math.pow(2, -1792 / 500.0), GROWN.biasCorrection(new Decay.HalfLife(500)), 1e-15);
        assertEquals(1 - Math.pow(0.9, 5), GROWN.biasCorrection(new Decay.PerStep(0.9)), 1e-15);
    }

    @Test
    void correctionAtConstantBatchHasTheBitsOfTheOneByStep() {
        Decay decay = new Decay.HalfLife(12_345.6);
        for (long step = 0; step < 1000; step++) {
            assertEquals(decay.complement(96, step + 1), new StepContext(step, 96).biasCorrection(decay), "step " + step);
        }
    }

    @Test
    void scalingScalesTheNorm() {
        assertEquals(1.5, GROWN.withGradientNorm(3).scaled(0.5).gradientNorm());
        assertTrue(Double.isNaN(GROWN.scaled(0.5).gradientNorm()));
    }

    @Test
    void impossibleStepsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> context(-1, 0, 64));
        assertThrows(IllegalArgumentException.class, () -> context(1, -1, 64));
        assertThrows(IllegalArgumentException.class, () -> context(1, 64, 0));
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = "SCHEDULE_FREE.*")
    void everyRuleFollowsAScheduleInTokens(Rules rules) {
        UpdateRule rule = rules.with(new Schedule.InTokens(tokens -> tokens * 1e-6), 0);
        float[] early = rule.scalars(context(4, 768, 1024).withGradientNorm(1));
        float[] late = rule.scalars(context(4, 7680, 1024).withGradientNorm(1));
        assertNotEquals(Arrays.toString(early), Arrays.toString(late));
    }
}
