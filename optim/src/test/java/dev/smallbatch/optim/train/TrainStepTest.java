package dev.smallbatch.optim.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.optim.ByNorm;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class TrainStepTest {
    private static final Clipping FAR_AWAY = new Clipping.GlobalNorm(1e9);

    @Test
    void theLossIsTheMeanBeforeTheUpdate() {
        try (TinyRun run = new TinyRun()) {
            BatchSource sameEveryStep = (step, tokens, targets) -> run.source.fill(0, tokens, targets);
            double evaluated = new Evaluator(run.model, run.backend.kernels(), run.step, run.batch, sameEveryStep, 1).loss();
            run.batch.fill(sameEveryStep, 0);
            assertEquals(evaluated, run.trainStep.run(run.batch, 0, false).loss());
        }
    }

    @Test
    void positionsWithoutTargetCountNeitherInTheLossNorInTheGradient() {
        try (TinyRun whole = new TinyRun(TinyRun.adamW(), Clipping.none(), 1, 1); TinyRun masked = new TinyRun()) {
            BatchSource secondSequenceMasked = (step, tokens, targets) -> {
                masked.source.fill(step, tokens, targets);
                Arrays.fill(targets, TinyRun.LENGTH, 2 * TinyRun.LENGTH, -1);
            };
            masked.batch.fill(secondSequenceMasked, 0);
            StepResult actual = masked.trainStep.run(masked.batch, 0, true);
            StepResult expected = whole.train(0);
            assertEquals(expected.loss(), actual.loss(), 1e-9);
            assertEquals(expected.gradNorm().orElseThrow(), actual.gradNorm().orElseThrow(), 1e-6);
        }
    }

    @Test
    void keepingGradientsGivesTheSameBitsAsUpdatingInsideBackward() {
        try (TinyRun inside = new TinyRun(); TinyRun kept = new TinyRun(TinyRun.adamW(), FAR_AWAY, 2, 1)) {
            for (int step = 0; step < 10; step++) {
                assertEquals(inside.train(step).loss(), kept.train(step).loss(), "step " + step);
            }
            assertArrayEquals(inside.everything(), kept.everything());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4, 8})
    void accumulatedMicroBatchesGiveTheUpdateOfTheWholeBatch(int microBatches) {
        UpdateRule rule = new Sgd(new Constant(0.1), 0.5, 0);
        try (TinyRun whole = new TinyRun(rule, Clipping.none(), 8, 1);
                TinyRun parts = new TinyRun(rule, Clipping.none(), 8, microBatches)) {
            for (int step = 0; step < 10; step++) {
                assertEquals(whole.train(step).loss(), parts.train(step).loss(), 1e-5, "step " + step);
            }
            float[] expected = whole.weights();
            float[] actual = parts.weights();
            for (int i = 0; i < expected.length; i++) {
                assertEquals(expected[i], actual[i], 1e-5 * Math.max(0.1, Math.abs(expected[i])), "element " + i);
            }
        }
    }

    @Test
    void nothingIsAllocatedNativelyAfterTheFirstStep() {
        for (Clipping clipping : List.of(Clipping.none(), FAR_AWAY)) {
            try (TinyRun run = new TinyRun(TinyRun.adamW(), clipping, 2, 1)) {
                run.train(0);
                long allocations = MemoryStats.nativeAllocations();
                long peak = run.step.peak();
                for (int step = 1; step < 5; step++) {
                    run.train(step);
                }
                assertEquals(allocations, MemoryStats.nativeAllocations());
                assertEquals(peak, run.step.peak());
                assertEquals(0, run.step.used());
            }
        }
    }

    @Test
    void theNormIsPresentOnlyIfAskedFor() {
        for (Clipping clipping : List.of(Clipping.none(), FAR_AWAY)) {
            try (TinyRun run = new TinyRun(TinyRun.adamW(), clipping, 2, 1)) {
                assertFalse(run.train(0, false).gradNorm().isPresent());
                assertTrue(run.train(1, true).gradNorm().isPresent());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aLossThatIsNotFiniteSkipsTheStepBeforeAnythingChanges(int microBatches) {
        try (TinyRun run = new TinyRun(TinyRun.adamW(), Clipping.none(), 2, microBatches)) {
            run.train(0);
            TinyRun.spoil(run.parameter("head").value());
            float[] before = run.everything();
            StepResult result = run.train(1);
            assertArrayEquals(before, run.everything());
            assertTrue(result.skipped());
            assertTrue(Double.isNaN(result.loss()));
            assertFalse(result.gradNorm().isPresent());
        }
    }

    @Test
    void aMicroBatchWithALossThatIsNotFiniteTakesTheOthersWithIt() {
        try (TinyRun expected = new TinyRun(TinyRun.adamW(), Clipping.none(), 2, 2);
                TinyRun run = new TinyRun(TinyRun.adamW(), Clipping.none(), 2, 2)) {
            LossModel second = new LossModel() {
                private int calls;

                @Override
                public List<Parameter> parameters() {
                    return run.model.parameters();
                }

                @Override
                public Var loss(Ops ops, Batch batch, float scale) {
                    Var losses = run.model.loss(ops, batch, scale);
                    if (calls++ == 1) {
                        TinyRun.spoil(losses.value());
                    }
                    return losses;
                }
            };
            TrainStep step = new TrainStep(second, run.optimizer, run.backend.kernels(), run.step, 2);
            run.batch.fill(run.source, 0);
            assertTrue(step.run(run.batch, 0, false).skipped());
            assertArrayEquals(expected.everything(), run.everything());
            step.run(run.batch, 0, false);
            expected.train(0);
            assertArrayEquals(expected.everything(), run.everything(), "nothing of the skipped step is left");
        }
    }

    /** Inside backward, kept for clipping, and accumulated. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void gradientsThatAreNotFiniteSkipTheStep(int way) {
        Clipping clipping = way == 1 ? FAR_AWAY : Clipping.none();
        try (TinyRun run = new TinyRun(TinyRun.adamW(), clipping, 2, Math.max(1, way))) {
            run.train(0);
            TrainStep exploding = new TrainStep(new Exploding(run.model, 0), run.optimizer, run.backend.kernels(), run.step,
                    Math.max(1, way));
            run.batch.fill(run.source, 1);
            float[] before = run.everything();
            StepResult result = exploding.run(run.batch, 1, false);
            assertArrayEquals(before, run.everything());
            assertTrue(result.skipped());
            assertTrue(Double.isFinite(result.loss()));
            assertFalse(Double.isFinite(result.gradNorm().orElseThrow()));
            assertFalse(exploding.run(run.batch, 2, false).skipped(), "the next step is as any other");
        }
    }

    @Test
    void aStepThatFailedLeavesNothingBehindForTheNext() {
        try (TinyRun expected = new TinyRun(TinyRun.adamW(), FAR_AWAY, 2, 2);
                TinyRun run = new TinyRun(TinyRun.adamW(), FAR_AWAY, 2, 2)) {
            BatchSource badToken = (step, tokens, targets) -> {
                run.source.fill(step, tokens, targets);
                tokens[TinyRun.LENGTH] = 99;
            };
            run.batch.fill(badToken, 0);
            assertThrows(IllegalArgumentException.class, () -> run.trainStep.run(run.batch, 0, false));
            expected.train(0);
            run.train(0);
            assertArrayEquals(expected.everything(), run.everything());
        }
    }

    @Test
    void saysHowParametersAreUpdatedAndWhy() {
        try (TinyRun inside = new TinyRun(); TinyRun clipped = new TinyRun(TinyRun.adamW(), FAR_AWAY, 2, 1);
                TinyRun byNorm = new TinyRun(new ByNorm(TinyRun.adamW()), Clipping.none(), 2, 1);
                TinyRun accumulated = new TinyRun(TinyRun.adamW(), Clipping.none(), 2, 2)) {
            assertEquals("each parameter is updated inside backward; no gradients are kept", inside.trainStep.describe());
            String why = clipped.trainStep.describe();
            assertTrue(why.contains("because clipping by global norm needs all of them"), why);
            why = byNorm.trainStep.describe();
            assertTrue(why.contains("because the update rule needs all of them"), why);
            why = accumulated.trainStep.describe();
            assertTrue(why.contains("because 2 micro-batches are accumulated. On one device that is wasteful"), why);
        }
    }

    @Test
    void aBatchThatCannotBeDividedIsRefused() {
        try (TinyRun run = new TinyRun(TinyRun.adamW(), FAR_AWAY, 2, 1)) {
            TrainStep thirds = new TrainStep(run.model, run.optimizer, run.backend.kernels(), run.step, 3);
            run.batch.fill(run.source, 0);
            String message = assertThrows(IllegalArgumentException.class, () -> thirds.run(run.batch, 0, false)).getMessage();
            assertEquals("batch of 2 sequences cannot be divided into 3 equal micro-batches; choose a multiple", message);
        }
    }

    @Test
    void noMicroBatchesAreRefused() {
        try (TinyRun run = new TinyRun()) {
            assertThrows(IllegalArgumentException.class, () ->
                    new TrainStep(run.model, run.optimizer, run.backend.kernels(), run.step, 0));
        }
    }

    @Test
    void aBatchWithoutAnyTargetIsRefused() {
        try (TinyRun run = new TinyRun()) {
            BatchSource nothing = (step, tokens, targets) -> Arrays.fill(targets, -1);
            String message = assertThrows(IllegalArgumentException.class, () -> run.batch.fill(nothing, 7)).getMessage();
            assertEquals("batch of step 7: every target is -1, so there is nothing to learn", message);
        }
    }

    @Test
    void aFewStepsLearnTheText() {
        try (TinyRun run = new TinyRun()) {
            double before = run.evaluator(4).loss();
            for (int step = 0; step < 40; step++) {
                run.train(step);
            }
            double after = run.evaluator(4).loss();
            assertTrue(after < 0.7 * before, "seed " + TinyRun.SEED + ": from " + before + " to " + after);
        }
    }
}
