package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.replay.RecordingKernels;
import dev.smallbatch.core.replay.Replayer;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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

    @ParameterizedTest
    @EnumSource
    void aLearningRateOfZeroChangesNothing(Rules rules) {
        assertArrayEquals(START, afterTwoUpdates(rules.with(new Constant(0), 0.5), 1, GRADIENT));
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = "SCHEDULE_FREE.*")
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
        double along = 0;
        for (int i = 0; i < START.length; i++) {
            along += GRADIENT[i] * (after[i] - START[i]);
        }
        assertTrue(along < 0, rules + ": " + along + " along the gradient");
    }

    @ParameterizedTest
    @EnumSource
    void stateStartsAtZeroAndAnAverageAtTheParameter(Rules rules) {
        try (Workbench bench = new Workbench()) {
            OptimizerState state = rules.with(new Constant(1), 0).init(bench.parameter("p", SHAPE, START), bench.region());
            state.tensors().forEach((name, tensor) -> assertArrayEquals(
                    name.equals("average") ? START : new float[(int) tensor.numel()], TinyRun.floats(tensor), name));
        }
    }

    @ParameterizedTest
    @EnumSource
    void stateTakesTheBytesThatTheRuleSays(Rules rules) {
        try (Region counting = Region.counting("plan")) {
            Tensor value = counting.allocate(DType.F32, Shape.of(1536, 384));
            OptimizerState state = rules.with(new Constant(1), 0).init(
                    new Parameter("p", value, Role.MATRIX, Shape.of(128, 384)), counting);
            long bytes = state.tensors().values().stream().mapToLong(Tensor::bytes).sum();
            assertEquals(rules.stateBytes(value.shape(), Shape.of(128, 384)), bytes);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anyNumberOfThreadsGivesTheSameBits(Rules rules) {
        Shape shape = Shape.of(96, 320);
        RandomKey key = RandomKey.of(9);
        List<float[]> results = new ArrayList<>();
        for (int threads : new int[] {1, 2, 7}) {
            try (Workbench bench = new Workbench("vector", threads)) {
                Tensor value = bench.tensor(shape, normal(key, shape));
                SingleParameter p = new SingleParameter(bench, rules.with(new Constant(0.01), 0.1),
                        new Parameter("p", value, Role.MATRIX, Shape.of(96, 64)));
                for (int step = 0; step < 3; step++) {
                    Region.Mark mark = bench.region().mark();
                    p.update(bench.tensor(shape, normal(key.at(step), shape)));
                    bench.region().release(mark);
                }
                results.add(p.values());
            }
        }
        assertArrayEquals(results.get(0), results.get(1), "1 and 2 threads");
        assertArrayEquals(results.get(0), results.get(2), "1 and 7 threads");
    }

    /** An average of weights is not made in every step. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "AVERAGED_ADAMW")
    void theCallsOfTheFirstUpdateReplayedAreThoseThatFollow(Rules rules) {
        Shape shape = Shape.of(6, 9);
        RandomKey key = RandomKey.of(8);
        try (Workbench bench = new Workbench()) {
            Tensor gradient = bench.tensor(shape, normal(key, shape));
            UpdateRule rule = rules.with(new Constant(0.01), 0.1);
            SingleParameter called = new SingleParameter(bench, rule, bench.parameter("p", shape, normal(key, shape)));
            SingleParameter replayed = new SingleParameter(bench, rule, bench.parameter("p", shape, normal(key, shape)));
            RecordingKernels recording = new RecordingKernels(bench.kernels());
            called.update(gradient);
            replayed.prepare(gradient, 1);
            replayed.update(gradient, recording.kernels());
            Replayer replayer = new Replayer(bench.kernels(), recording.calls());
            for (int step = 1; step < 7; step++) {
                gradient.copyFrom(normal(key.at(step), shape));
                called.update(gradient);
                replayed.prepare(gradient, 1);
                replayer.run();
                assertArrayEquals(called.values(), replayed.values(), "seed 8, step " + step);
            }
        }
    }

    private static float[] normal(RandomKey key, Shape shape) {
        float[] values = new float[(int) shape.numel()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) key.normal(i);
        }
        return values;
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

    /** Heads side by side, each a matrix: as good as two parameters. */
    @Test
    void muonTreatsEveryBlockAsAMatrixOfItsOwn() {
        Shape halfShape = Shape.of(4, 2);
        float[] whole = {1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -2, -3, 2, 1, 0, 4};
        float[] left = {1, 2, 5, 6, 9, -1, 2, 1};
        float[] right = {3, 4, 7, 8, -2, -3, 0, 4};
        Muon muon = new Muon(new Constant(0.1), new Decay.PerStep(0.9));
        try (Workbench bench = new Workbench()) {
            SingleParameter both = new SingleParameter(bench, muon, new Parameter("p",
                    bench.tensor(Shape.of(4, 4), new float[16]), Role.MATRIX, halfShape));
            SingleParameter first = new SingleParameter(bench, muon, bench.parameter("p", halfShape, new float[8]));
            SingleParameter second = new SingleParameter(bench, muon, bench.parameter("p", halfShape, new float[8]));
            both.update(bench.tensor(Shape.of(4, 4), whole));
            first.update(bench.tensor(halfShape, left));
            second.update(bench.tensor(halfShape, right));
            float[] a = first.values();
            float[] b = second.values();
            float[] expected = {a[0], a[1], b[0], b[1], a[2], a[3], b[2], b[3], a[4], a[5], b[4], b[5], a[6], a[7], b[6], b[7]};
            assertArrayEquals(expected, both.values());
        }
    }

    /** Queries of two heads, below them keys: two matrices. */
    @Test
    void muonTakesHeadsTogetherIfAsked() {
        Shape square = Shape.of(4, 4);
        float[] queries = {1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -2, -3, 2, 1, 0, 4};
        float[] keys = {0, 1, -1, 2, 3, 3, 1, 0, -2, 5, 1, 1, 4, -3, 2, 6};
        Muon muon = new Muon(new Constant(0.1), new Decay.PerStep(0.9), 0, 0, Muon.Average.PLAIN, Muon.Length.TALL,
                Muon.Heads.TOGETHER, 0);
        try (Workbench bench = new Workbench()) {
            SingleParameter both = new SingleParameter(bench, muon, new Parameter("p",
                    bench.tensor(Shape.of(8, 4), new float[32]), Role.MATRIX, Shape.of(2, 4)));
            SingleParameter first = new SingleParameter(bench, muon, bench.parameter("p", square, new float[16]));
            SingleParameter second = new SingleParameter(bench, muon, bench.parameter("p", square, new float[16]));
            float[] all = Arrays.copyOf(queries, 32);
            System.arraycopy(keys, 0, all, 16, 16);
            both.update(bench.tensor(Shape.of(8, 4), all));
            first.update(bench.tensor(square, queries));
            second.update(bench.tensor(square, keys));
            float[] expected = Arrays.copyOf(first.values(), 32);
            System.arraycopy(second.values(), 0, expected, 16, 16);
            assertArrayEquals(expected, both.values());
        }
    }

    @Test
    void muonsDecayMayRiseToNothing() {
        Muon muon = new Muon(new Constant(1), new Decay.PerStep(0), 3, 0.5, Muon.Average.PLAIN, Muon.Length.TALL,
                Muon.Heads.APART, 0);
        for (long step = 0; step < 6; step++) {
            for (float number : muon.scalars(new StepContext(step, 8))) {
                assertTrue(Float.isFinite(number), "step " + step);
            }
        }
    }

    @Test
    void muonsDecayRisesEvenlyAndStays() {
        double[] betas = {0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9};
        Decay last = new Decay.PerStep(0.9);
        Muon plain = new Muon(new Constant(1), last, 4, 0.5, Muon.Average.PLAIN, Muon.Length.TALL, Muon.Heads.APART, 0);
        Muon ahead = new Muon(new Constant(1), last, 4, 0.5, Muon.Average.CORRECTED_NESTEROV, Muon.Length.TALL, Muon.Heads.APART, 0);
        double left = 1;
        for (int step = 0; step + 1 < betas.length; step++) {
            double keep = betas[step];
            left *= keep;
            double corrected = keep / (1 - left * betas[step + 1]);
            float[] s = {(float) keep, (float) (1 - keep), (float) (keep / (1 - left)), (float) ((1 - keep) / (1 - left))};
            assertArrayEquals(s, momentum(plain, step), 1e-6f, "plain, step " + step);
            s[2] = (float) (keep * corrected);
            s[3] = (float) ((1 - keep) * (corrected + 1 / (1 - left)));
            assertArrayEquals(s, momentum(ahead, step), 1e-6f, "ahead, step " + step);
        }
    }

    /** Keep and take of the average, then of the step. */
    private static float[] momentum(Muon muon, int step) {
        float[] s = muon.scalars(new StepContext(step, 64));
        return new float[] {s[UpdateKernels.KEEP], s[UpdateKernels.TAKE], s[UpdateKernels.STEP_KEEP], s[UpdateKernels.STEP_TAKE]};
    }

    @Test
    void muonRefusesVectors() {
        try (Workbench bench = new Workbench()) {
            Parameter bias = new Parameter("bias", bench.vector(1, 2), Role.VECTOR);
            String message = assertThrows(IllegalArgumentException.class,
                    () -> new Muon(new Constant(1), new Decay.PerStep(0.9)).init(bias, bench.region())).getMessage();
            assertEquals("muon: bias f32 (2) is no matrix; put it into a group with another rule", message);
        }
    }

    @Test
    void adafactorForgetsByAPowerOfTheStepOrAtAConstantRate() {
        Adafactor.SecondMoment power = new Adafactor.SecondMoment.Power(0.9999);
        assertEquals(0, power.keep(1, 64));
        assertEquals(0.49997, power.keep(2, 64), 1e-5);
        assertEquals(0.66663, power.keep(3, 64), 1e-5);
        assertEquals(0.99, power.keep(100, 64), 1e-5);
        Adafactor.SecondMoment constant = new Adafactor.SecondMoment.Constant(new Decay.HalfLife(64));
        assertEquals(0, constant.keep(1, 64));
        assertEquals(0.5, constant.keep(2, 64), 1e-15);
        for (Adafactor.SecondMoment moment : List.of(power, constant)) {
            for (long k : new long[] {1, 2, 17, 1_000_000}) {
                assertEquals(1, moment.keep(k, 64) + moment.take(k, 64), 1e-15);
            }
        }
    }

    @Test
    void settingsOutsideTheirRangeAreRefused() {
        Decay decay = new Decay.PerStep(0.9);
        assertThrows(IllegalArgumentException.class, () -> new Sgd(new Constant(1), 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sgd(new Constant(1), 0, -1));
        assertThrows(IllegalArgumentException.class, () -> new AdamW(new Constant(1), decay, decay, -1, 0));
        assertThrows(IllegalArgumentException.class, () -> new AdamW(new Constant(1), decay, decay, 1e-8, Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> new Sgd(new Constant(1), 0, true, 0));
        assertThrows(IllegalArgumentException.class, () -> new Signum(new Constant(1), 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Lion(new Constant(1), decay, decay, -1));
        assertThrows(IllegalArgumentException.class, () -> new AdaGrad(new Constant(1), 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new RmsProp(new Constant(1), decay, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new Adafactor.SecondMoment.Power(0));
        assertThrows(IllegalArgumentException.class,
                () -> new Muon(new Constant(1), decay, Muon.Average.PLAIN, Muon.Length.TALL, -1));
        assertThrows(IllegalArgumentException.class,
                () -> new Muon(new Constant(1), decay, 300, 1, Muon.Average.PLAIN, Muon.Length.TALL, Muon.Heads.APART, 0));
        assertThrows(IllegalArgumentException.class, () -> new RAdam(new Constant(1), decay, decay, -1, 0));
        assertThrows(IllegalArgumentException.class, () -> new NAdam(new Constant(1), decay, decay, -1, 1e-8, 0));
        assertThrows(IllegalArgumentException.class, () -> new AdaBelief(new Constant(1), decay, decay, 1e-8, 0,
                AdaBelief.FirstSteps.RECTIFIED, 0));
        assertThrows(IllegalArgumentException.class, () -> new ScheduleFree(new Constant(1), 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new WeightAverage(new Sgd(new Constant(1)), decay, false, 0));
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
