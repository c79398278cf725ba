package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Three updates of a 2 by 3 matrix, against values that come from running the reference code of the small-batch study. */
@ExtendWith(LeakCheck.class)
class PublishedUpdatesTest {
    private static final Shape SHAPE = Shape.of(2, 3);
    private static final float[][] GRADIENTS = {
        {0.1f, -0.2f, 0.3f, 0.4f, 0.5f, -0.6f},
        {-0.3f, 0.1f, 0.2f, 0.05f, -0.4f, 0.25f},
        {0.2f, 0.2f, -0.1f, -0.15f, 0.3f, 0.35f}};
    private static final Constant RATE = new Constant(0.01);

    @Test
    void sgd() {
        check(new Sgd(RATE), 1.0000000f, -0.5010000f, 0.2460000f, 0.7470000f, -1.2540000f, 0.5000000f);
    }

    @Test
    void heavyBallMomentum() {
        check(new Sgd(RATE, 0.9, 0), 1.0009900f, -0.4984800f, 0.2390700f, 0.7397100f, -1.2589499f, 0.5080100f);
    }

    @Test
    void adam() {
        check(adamW(0), 0.9947540f, -0.4900637f, 0.2247777f, 0.7291725f, -1.2637001f, 0.5125506f);
    }

    @Test
    void adamWithDecoupledDecay() {
        check(adamW(0.1), 0.9917721f, -0.4885878f, 0.2240582f, 0.7269523f, -1.2599332f, 0.5110288f);
    }

    private static AdamW adamW(double weightDecay) {
        return new AdamW(RATE, new Decay.PerStep(0.9), new Decay.PerStep(0.999), 1e-8, weightDecay);
    }

    private static void check(UpdateRule rule, float... expected) {
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rule,
                    bench.parameter("p", SHAPE, 1, -0.5f, 0.25f, 0.75f, -1.25f, 0.5f));
            for (float[] gradient : GRADIENTS) {
                p.update(bench.tensor(SHAPE, gradient));
            }
            assertArrayEquals(expected, p.values(), 1e-6f);
        }
    }
}
