package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Three updates of a 2 by 3 matrix, against values that come from running the reference code of the small-batch study. */
@ExtendWith(LeakCheck.class)
class PublishedUpdatesTest {
    private static final Shape SHAPE = Shape.of(2, 3);
    private static final float[] START = {1, -0.5f, 0.25f, 0.75f, -1.25f, 0.5f};
    private static final float[] ORTHOGONAL = {0.5150208f, -0.2184708f, 0.4213488f, 0.4681559f, 0.3823021f, -0.4213053f};
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

    @Test
    void signum() {
        check(new Signum(RATE, 0.9, 0), 0.9900000f, -0.4900000f, 0.2200000f, 0.7200000f, -1.2800000f, 0.5100000f);
    }

    @Test
    void factoredAdafactorWithAPower() {
        check(adafactor(0.8, 2), 0.9988327f, -0.5033925f, 0.2381143f, 0.7447639f, -1.2566216f, 0.4961120f);
    }

    @Test
    void factoredAdafactorWithAPowerCloseToOne() {
        check(adafactor(0.9999, 2), 0.9990911f, -0.5034117f, 0.2381116f, 0.7445817f, -1.2565639f, 0.4968582f);
    }

    @Test
    void adafactorWithTheWholeSecondMoment() {
        check(adafactor(0.8, 128), 0.9950417f, -0.5063944f, 0.2397496f, 0.7459249f, -1.2568035f, 0.4965244f);
    }

    /** Matrices are (in, out) there and (out, in) here, and the factor of the step depends on which is which. */
    @Test
    void muon() {
        float[] expected = {0.9925392f, -0.4992926f, 0.2267849f, 0.7286636f, -1.2655262f, 0.5050097f};
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, new Muon(RATE, new Decay.PerStep(0.95)),
                    bench.parameter("p", Shape.of(3, 2), transposed(START)));
            for (float[] gradient : GRADIENTS) {
                p.update(bench.tensor(Shape.of(3, 2), transposed(gradient)));
            }
            assertArrayEquals(transposed(expected), p.values(), 1e-6f);
        }
    }

    @Test
    void firstUpdateOfFactoredAdafactor() {
        float[] after = after(1, adafactor(0.8, 2));
        assertArrayEquals(new float[] {0.9951525f, -0.4925770f, 0.2410616f, 0.7417320f, -1.2579129f, 0.5076227f}, after, 1e-6f);
    }

    @Test
    void theFirstUpdateOfWholeAdafactorIsTheRateTimesTheSizeOfTheParameterAgainstTheSignOfTheGradient() {
        float[] expected = START.clone();
        for (int i = 0; i < expected.length; i++) {
            expected[i] -= 0.01f * 0.7839537f * Math.signum(GRADIENTS[0][i]);
        }
        assertArrayEquals(expected, after(1, adafactor(0.8, 128)), 1e-6f);
    }

    @Test
    void newtonSchulzOfAWideMatrix() {
        assertArrayEquals(ORTHOGONAL, orthogonalized(SHAPE, GRADIENTS[0]), 1e-6f);
    }

    @Test
    void newtonSchulzOfATallMatrixIsTheTransposeOfThatOfTheWideOne() {
        assertArrayEquals(transposed(ORTHOGONAL), orthogonalized(Shape.of(3, 2), transposed(GRADIENTS[0])), 1e-6f);
    }

    private static float[] transposed(float[] x) {
        return new float[] {x[0], x[3], x[1], x[4], x[2], x[5]};
    }

    private static float[] orthogonalized(Shape shape, float[] values) {
        double squares = 0;
        for (float value : values) {
            squares += value * value;
        }
        try (Workbench bench = new Workbench()) {
            Tensor x = bench.tensor(shape, values.clone());
            for (int i = 0; i < values.length; i++) {
                x.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (values[i] / Math.sqrt(squares)));
            }
            Tensor room = bench.vector(new float[(int) NewtonSchulz.squaresSize(shape)]);
            Tensor stack = x.reshape(Shape.of(1, shape.rows(), shape.cols()));
            return NewtonSchulz.QUINTIC.orthogonalize(stack, bench.vector(values.clone()), room, bench.kernels()).toFloatArray();
        }
    }

    private static Adafactor adafactor(double power, int factorFrom) {
        return new Adafactor(RATE, new Adafactor.SecondMoment.Power(power), factorFrom, 0);
    }

    private static AdamW adamW(double weightDecay) {
        return new AdamW(RATE, new Decay.PerStep(0.9), new Decay.PerStep(0.999), 1e-8, weightDecay);
    }

    private static void check(UpdateRule rule, float... expected) {
        assertArrayEquals(expected, after(GRADIENTS.length, rule), 1e-6f);
    }

    private static float[] after(int updates, UpdateRule rule) {
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rule, bench.parameter("p", SHAPE, START));
            for (int i = 0; i < updates; i++) {
                p.update(bench.tensor(SHAPE, GRADIENTS[i]));
            }
            return p.values();
        }
    }
}
