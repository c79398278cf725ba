package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What Adam's relatives are known for. */
@ExtendWith(LeakCheck.class)
class AdamRulesTest {
    private static final double LR = 1e-3;
    private static final Constant RATE = new Constant(LR);
    private static final Decay BETA1 = new Decay.PerStep(0.9);
    private static final Decay BETA2 = new Decay.PerStep(0.999);

    /** {@code (g - m)^2} falls to nothing, and only what is added to v is left to divide by. */
    @Test
    void whereGradientsDoNotChangeAdaBeliefsStepsGrowAndStayFinite() {
        double g = 0.5;
        double longest = LR * g * Math.sqrt(1e-3 / 1e-16);
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, new AdaBelief(RATE, BETA1, BETA2), bench.parameter("p", Shape.of(1), 0));
            Tensor gradient = bench.vector((float) g);
            double before = 0;
            for (int step = 0; step < 30_000; step++) {
                before = p.values()[0];
                p.update(gradient);
            }
            double last = before - p.values()[0];
            assertTrue(last > 0.8 * longest && last < 1.01 * longest, last + " instead of " + longest);
        }
    }

    @Test
    void withTheUsualSecondDecayTheFirstFiveRectifiedStepsHaveNoRoot() {
        for (UpdateRule rule : List.of(new RAdam(RATE, BETA1, BETA2, 1e-8, 0), new AdaBelief(RATE, BETA1, BETA2))) {
            for (int step = 0; step < 10; step++) {
                float[] s = rule.scalars(new StepContext(step, 1));
                assertEquals(step < 5 ? 0 : 1, s[UpdateKernels.CORRECTION2_ROOT], rule + " step " + step);
            }
        }
    }

    @Test
    void withAHalfLifeOfMillionsOfTokensRectifiedStepsGrowForThousandsOfSteps() {
        RAdam rule = new RAdam(RATE, BETA1, new Decay.HalfLife(1e6), 1e-8, 0);
        AdamW adamW = new AdamW(RATE, BETA1, new Decay.HalfLife(1e6), 1e-8, 0);
        double before = 0;
        for (long step : new long[] {5, 10, 100, 1000, 10_000, 100_000}) {
            StepContext context = new StepContext(step, 512);
            float[] s = rule.scalars(context);
            float[] whole = adamW.scalars(context);
            double share = s[UpdateKernels.CORRECTION1] / s[UpdateKernels.CORRECTION2_ROOT]
                    / (whole[UpdateKernels.CORRECTION1] / whole[UpdateKernels.CORRECTION2_ROOT]);
            assertTrue(share > before && share <= 1 + 1e-6, "step " + step + ": " + share);
            before = share;
        }
        assertEquals(1, before, 1e-3);
    }

    /** A product of all shares since the beginning would never end. */
    @Test
    void lateInARunNadamsSharesAreThoseOfItsDecay() {
        float[] s = new NAdam(RATE, BETA1, BETA2, 0.004, 1e-8, 0).scalars(new StepContext(1L << 50, 1));
        assertEquals(0.1f, s[UpdateKernels.GRADIENT_SHARE], 1e-7);
        assertEquals(0.9f, s[UpdateKernels.CORRECTION1], 1e-7);
    }
}
