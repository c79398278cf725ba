package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.optim.schedule.WarmupCosine;
import dev.smallbatch.tck.LeakCheck;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Rules that evaluate an average of weights: schedule-free ones, and any with a {@link WeightAverage}. */
@ExtendWith(LeakCheck.class)
class AveragesTest {
    private static final Decay HALF = new Decay.PerStep(0.5);

    /** Its weights become what the gradient is, with a minus: each step is the negative difference. */
    private static float[] averagesOf(WeightAverage rule, float... weights) {
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rule, bench.parameter("p", Shape.of(1), 0));
            float[] averages = new float[weights.length];
            for (int i = 0; i < weights.length; i++) {
                p.update(bench.vector(p.values()[0] - weights[i]));
                assertEquals(weights[i], p.values()[0]);
                averages[i] = p.evaluated()[0];
            }
            return averages;
        }
    }

    private static WeightAverage average(Decay decay, boolean warmup, long every) {
        return new WeightAverage(new Sgd(new Constant(1)), decay, warmup, every);
    }

    @Test
    void theFirstAverageIsACopyAndTheGapAfterAJumpHalves() {
        assertArrayEquals(new float[] {1, 1, 2, 2.5f, 2.75f}, averagesOf(average(HALF, false, 1), 1, 1, 3, 3, 3));
    }

    @Test
    void weightsThatDoNotChangeLeaveTheAverageAsItIs() {
        assertArrayEquals(new float[] {0.1f, 0.1f, 0.1f, 0.1f},
                averagesOf(average(new Decay.PerStep(0.9), true, 1), 0.1f, 0.1f, 0.1f, 0.1f));
    }

    @Test
    void withAWarmUpEarlyWeightsAreForgottenSoon() {
        // The first average after the copy has a decay of 2/11.
        assertEquals(1 + 2 * 9 / 11.0, averagesOf(average(new Decay.PerStep(0.999), true, 1), 1, 3)[1], 1e-6);
    }

    @Test
    void onlyEverySoManyStepsAreAveraged() {
        assertArrayEquals(new float[] {0, 3, 3, 4, 4}, averagesOf(average(HALF, false, 2), 1, 3, 7, 5, 9));
    }

    @Test
    void aHalfLifeInTokensCountsTheTokensBetweenTwoAverages() {
        // 64 tokens a step.
        assertArrayEquals(new float[] {0, 3, 3, 4, 4}, averagesOf(average(new Decay.HalfLife(128), false, 2), 1, 3, 7, 5, 9), 1e-6f);
    }

    @Test
    void anAverageOfWeightsThatAreAveragesIsRefused() {
        UpdateRule rule = new ScheduleFree(new Constant(1), 0.9, 0);
        String message = assertThrows(IllegalArgumentException.class, () -> new WeightAverage(rule, HALF, false, 1)).getMessage();
        assertTrue(message.contains("averages weights itself"), message);
    }

    /** So that a method that rules get in the future is not forgotten. */
    @Test
    void allButTheAverageIsLeftToTheRule() throws ReflectiveOperationException {
        List<String> own = List.of("hasEvaluationWeights", "toEvaluation", "toTraining");
        List<String> called = new ArrayList<>();
        UpdateRule rule = (UpdateRule) Proxy.newProxyInstance(UpdateRule.class.getClassLoader(), new Class<?>[] {UpdateRule.class},
                (proxy, method, arguments) -> {
                    called.add(method.getName());
                    return switch (method.getName()) {
                        case "init" -> OptimizerState.none();
                        case "scalars" -> new float[3];
                        case "scalarCount" -> 3;
                        case "scratchSize" -> 0L;
                        case "hasEvaluationWeights" -> false;
                        default -> method.getReturnType() == boolean.class ? Boolean.FALSE : null;
                    };
                });
        try (Workbench bench = new Workbench()) {
            UpdateRule average = new WeightAverage(rule, HALF, false, 1);
            Parameter parameter = bench.parameter("p", Shape.of(1), 1);
            OptimizerState state = average.init(parameter, bench.region());
            Tensor scalars = bench.vector(new float[4]);
            for (Method method : UpdateRule.class.getMethods()) {
                called.clear();
                Object[] arguments = Arrays.stream(method.getParameterTypes()).map(type -> argument(type, List.of(parameter, state,
                        scalars, bench.region(), bench.kernels(), new StepContext(0, 1)))).toArray();
                method.invoke(average, arguments);
                assertTrue(own.contains(method.getName()) || called.contains(method.getName()), method + " does not reach the rule");
            }
        }
    }

    private static Object argument(Class<?> type, List<Object> values) {
        return values.stream().filter(type::isInstance).findFirst().orElse(null);
    }

    @Test
    void aRateThatFallsIsRefusedWithTheReason() {
        Schedule falling = new WarmupCosine(0.1, 100, 10);
        String message = assertThrows(IllegalArgumentException.class, () -> new ScheduleFree(falling, 0.9, 0)).getMessage();
        assertTrue(message.contains("takes the place of a rate that falls"), message);
        assertTrue(message.contains("Use a constant rate"), message);
    }

    @Test
    void aWarmUpInTokensIsOneInSteps() {
        StepContext third = new StepContext(2, 64);
        float[] steps = new ScheduleFree(new Constant(0.1, 4), 0.9, 0).scalars(third);
        float[] tokens = new ScheduleFree(new Schedule.InTokens(new Constant(0.1, 256)), 0.9, 0).scalars(third);
        assertArrayEquals(steps, tokens);
    }

    /** Rates of 1/4, 2/4, 3/4, 1 and 1 weigh by their squares. */
    @Test
    void theAverageWeighsStepsByTheirSquaredRates() {
        ScheduleFree rule = new ScheduleFree(new Constant(1, 4), 0, 0);
        float[] gradients = {1, 1, 1, 1, 1};
        double z = 0;
        double sum = 0;
        double weights = 0;
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rule, bench.parameter("p", Shape.of(1), 0));
            for (int k = 1; k <= gradients.length; k++) {
                p.update(bench.vector(1));
                double rate = Math.min(1, k / 4.0);
                z -= rate;
                sum += rate * rate * z;
                weights += rate * rate;
                assertEquals(z, p.values()[0], 1e-6, "with beta 0 gradients are taken at the iterate, update " + k);
                assertEquals(sum / weights, p.evaluated()[0], 1e-6, "update " + k);
            }
        }
    }

    @Test
    void weightsToEvaluateDifferAndThoseToTrainComeBack() {
        for (Rules rules : List.of(Rules.SCHEDULE_FREE_SGD, Rules.SCHEDULE_FREE_ADAMW, Rules.AVERAGED_ADAMW)) {
            try (Workbench bench = new Workbench()) {
                SingleParameter p = new SingleParameter(bench, rules.with(new Constant(0.1), 0.1),
                        bench.parameter("p", Shape.of(3), 1, -2, 1e-3f));
                for (int step = 0; step < 4; step++) {
                    p.update(bench.vector(1, 0.3f, -5));
                }
                float[] trained = p.values();
                assertFalse(Arrays.equals(trained, p.evaluated()), rules.name());
                assertArrayEquals(trained, p.values(), rules.name());
                assertNotEquals(0, trained[0]);
            }
        }
    }
}
