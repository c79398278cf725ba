package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.optim.schedule.WarmupLinear;
import dev.smallbatch.tck.LeakCheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every rule does on the same problems. A new rule is one more constant of {@link Rules}. */
@ExtendWith(LeakCheck.class)
class UpdateRuleTest {
    private static final Shape SHAPE = Shape.of(2, 2);
    private static final float[] START = {0.5f, -2, 1, 0.25f};
    private static final float[] GRADIENT = {1, -0.5f, 0.25f, 2};

    /** Every rule, with a learning rate for problems of size 1. */
    private enum Rules {
        SGD {
            @Override
            UpdateRule with(Schedule lr, double weightDecay) {
                return new Sgd(lr, 0, weightDecay);
            }
        },
        MOMENTUM {
            @Override
            UpdateRule with(Schedule lr, double weightDecay) {
                return new Sgd(lr, 0.5, weightDecay);
            }
        },
        ADAMW {
            @Override
            UpdateRule with(Schedule lr, double weightDecay) {
                return new AdamW(lr, new Decay.PerStep(0.9), new Decay.HalfLife(6400), 1e-8, weightDecay);
            }
        };

        abstract UpdateRule with(Schedule lr, double weightDecay);
    }

    @ParameterizedTest
    @EnumSource
    void minimizesAnIllConditionedQuadratic(Rules rules) {
        float[] curvatures = {10, 3, 1, 0.3f};
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rules.with(new WarmupLinear(0.05, 400, 20), 0),
                    bench.parameter("p", SHAPE, START));
            Tensor gradient = bench.tensor(SHAPE, new float[4]);
            double before = quadratic(curvatures, p.values(), new float[4]);
            float[] values = new float[4];
            for (int step = 0; step < 400; step++) {
                quadratic(curvatures, p.values(), values);
                gradient.copyFrom(values);
                p.update(gradient);
            }
            double after = quadratic(curvatures, p.values(), values);
            assertTrue(after < before / 100, rules + ": from " + before + " to " + after);
        }
    }

    /** {@code sum of c x^2 / 2}; its gradient is written. */
    private static double quadratic(float[] curvatures, float[] x, float[] gradient) {
        double value = 0;
        for (int i = 0; i < x.length; i++) {
            gradient[i] = curvatures[i] * x[i];
            value += 0.5 * curvatures[i] * x[i] * x[i];
        }
        return value;
    }

    @ParameterizedTest
    @EnumSource
    void learnsToSeparateTwoClassesOneExampleAtATime(Rules rules) {
        RandomKey key = RandomKey.of(5);
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rules.with(new WarmupLinear(0.05, 600, 30), 0),
                    bench.parameter("w", SHAPE, new float[4]));
            Tensor gradient = bench.tensor(SHAPE, new float[4]);
            for (int step = 0; step < 600; step++) {
                float[] values = new float[4];
                logistic(key, step, p.values(), values);
                gradient.copyFrom(values);
                p.update(gradient);
            }
            double loss = 0;
            for (int example = 1000; example < 1200; example++) {
                loss += logistic(key, example, p.values(), new float[4]) / 200;
            }
            assertTrue(loss < 0.4 * Math.log(2), rules + ", seed 5: mean loss " + loss + ", " + Math.log(2) + " before");
        }
    }

    /** Loss of one random example, labelled by a fixed plane; its gradient is written. */
    private static double logistic(RandomKey key, int example, float[] w, float[] gradient) {
        double[] plane = {2, -1, 0.5, 1};
        double[] x = new double[4];
        double side = 0;
        double score = 0;
        for (int i = 0; i < 4; i++) {
            x[i] = key.normal(4L * example + i);
            side += plane[i] * x[i];
            score += w[i] * x[i];
        }
        double sign = side > 0 ? 1 : -1;
        double slope = -sign / (1 + Math.exp(sign * score));
        for (int i = 0; i < 4; i++) {
            gradient[i] = (float) (slope * x[i]);
        }
        return Math.log1p(Math.exp(-sign * score));
    }

    @ParameterizedTest
    @EnumSource
    void aLearningRateOfZeroChangesNothing(Rules rules) {
        assertArrayEquals(START, afterTwoUpdates(rules.with(new Constant(0), 0.5), 1, GRADIENT));
    }

    @ParameterizedTest
    @EnumSource
    void decayShrinksParametersByRateTimesDecayWhateverTheGradient(Rules rules) {
        float[] without = afterTwoUpdates(rules.with(new Constant(0.1), 0), 1, new float[4]);
        float[] with = afterTwoUpdates(rules.with(new Constant(0.1), 0.5), 1, new float[4]);
        assertArrayEquals(START, without, "no gradient and no decay");
        for (int i = 0; i < START.length; i++) {
            assertEquals(START[i] * 0.95 * 0.95, with[i], 1e-6, rules + " element " + i);
        }
    }

    @ParameterizedTest
    @EnumSource
    void scalingGradientsIsTheSameAsScaledGradients(Rules rules) {
        UpdateRule rule = rules.with(new Constant(0.1), 0);
        float[] scaled = new float[4];
        for (int i = 0; i < 4; i++) {
            scaled[i] = 0.25f * GRADIENT[i];
        }
        assertArrayEquals(afterTwoUpdates(rule, 1, scaled), afterTwoUpdates(rule, 0.25, GRADIENT), 1e-6f);
    }

    @ParameterizedTest
    @EnumSource
    void theFirstStepGoesAgainstTheGradient(Rules rules) {
        float[] after = afterTwoUpdates(rules.with(new Constant(0.01), 0), 1, GRADIENT);
        for (int i = 0; i < START.length; i++) {
            assertEquals(-Math.signum(GRADIENT[i]), Math.signum(after[i] - START[i]), rules + " element " + i);
        }
    }

    @ParameterizedTest
    @EnumSource
    void stateStartsAtZeroAndHasTheParametersShape(Rules rules) {
        try (Workbench bench = new Workbench()) {
            OptimizerState state = rules.with(new Constant(1), 0).init(bench.parameter("p", SHAPE, START), bench.region());
            state.tensors().forEach((name, tensor) -> {
                assertEquals(SHAPE, tensor.shape(), name);
                assertArrayEquals(new float[4], tensor.toFloatArray(), name);
            });
        }
    }

    @ParameterizedTest
    @EnumSource
    void stateCanBePlannedWithoutMemory(Rules rules) {
        try (Workbench bench = new Workbench(); Region counting = Region.counting("plan")) {
            UpdateRule rule = rules.with(new Constant(1), 0);
            long before = bench.region().used();
            rule.init(bench.parameter("p", SHAPE, START), counting);
            long parameter = bench.region().used() - before;
            rule.init(bench.parameter("q", SHAPE, START), bench.region());
            assertEquals(counting.used(), bench.region().used() - before - 2 * parameter);
        }
    }

    @Test
    void plainSgdKeepsNoState() {
        try (Workbench bench = new Workbench()) {
            assertTrue(new Sgd(new Constant(1)).init(bench.parameter("p", SHAPE, START), bench.region()).tensors().isEmpty());
        }
    }

    @Test
    void adamsFirstUpdateHasTheSizeOfTheLearningRateAtEveryBeta2() {
        for (double halfLife : new double[] {64, 6400, 64e6}) {
            UpdateRule rule = new AdamW(new Constant(0.01), new Decay.PerStep(0.9), new Decay.HalfLife(halfLife));
            try (Workbench bench = new Workbench()) {
                SingleParameter p = new SingleParameter(bench, rule, bench.parameter("p", SHAPE, START));
                p.update(bench.tensor(SHAPE, GRADIENT));
                for (int i = 0; i < START.length; i++) {
                    assertEquals(START[i] - 0.01 * Math.signum(GRADIENT[i]), p.values()[i], 1e-6, "half-life " + halfLife);
                }
            }
        }
    }

    @Test
    void aHalfLifeGivesTheNumbersOfItsDecay() {
        StepContext context = new StepContext(17, 64);
        Decay beta1 = new Decay.PerStep(0.9);
        float[] halfLife = new AdamW(new Constant(1), beta1, new Decay.HalfLife(6400)).scalars(context);
        float[] perStep = new AdamW(new Constant(1), beta1, new Decay.PerStep(Math.pow(2, -0.01))).scalars(context);
        assertArrayEquals(perStep, halfLife, 1e-6f);
    }

    @Test
    void settingsOutsideTheirRangeAreRefused() {
        Decay decay = new Decay.PerStep(0.9);
        assertThrows(IllegalArgumentException.class, () -> new Sgd(new Constant(1), 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sgd(new Constant(1), 0, -1));
        assertThrows(IllegalArgumentException.class, () -> new AdamW(new Constant(1), decay, decay, -1, 0));
        assertThrows(IllegalArgumentException.class, () -> new AdamW(new Constant(1), decay, decay, 1e-8, Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> new StepContext(-1, 64));
    }

    private static float[] afterTwoUpdates(UpdateRule rule, double gradientScale, float[] gradient) {
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rule, bench.parameter("p", SHAPE, START));
            Tensor g = bench.tensor(SHAPE, gradient);
            p.update(g, gradientScale);
            p.update(g, gradientScale);
            return p.values();
        }
    }
}
