package dev.smallbatch.optim.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.rule.Rules;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(LeakCheck.class)
class AccumulationTest {
    private static final int PARTS = 4;
    /** With learning rate 1 the change of a weight is minus its gradient. */
    private static final UpdateRule GRADIENT = new Sgd(new Constant(1));

    /** Experiment E9 of the specification. */
    @ParameterizedTest
    @EnumSource
    void sixteenMicroBatchesOfOneMakeTheUpdatesOfOneBatchOfSixteen(Rules rules) {
        try (TinyRun whole = inParts(rules, 1); TinyRun parts = inParts(rules, 16)) {
            for (int step = 0; step < 10; step++) {
                assertEquals(whole.train(step).loss(), parts.train(step).loss(), 1e-6, "step " + step);
            }
            assertClose(whole.weights(), parts.weights(), 1e-5);
        }
    }

    private static TinyRun inParts(Rules rules, int microBatches) {
        return new TinyRun(rules.groups(0.01), Clipping.none(), 16, microBatches, DType.F32, Rounding.STOCHASTIC);
    }

    @Test
    void accumulationKeepsOneMoreModelInF32ThanABatchOfOne() {
        try (TinyRun one = new TinyRun(TinyRun.adamW(), Clipping.none(), 1, 1);
                TinyRun parts = new TinyRun(TinyRun.adamW(), Clipping.none(), 16, 16)) {
            assertEquals(one.plan.step(), parts.plan.step());
            assertEquals(one.plan.optimizerState(), parts.plan.optimizerState());
            assertEquals(0, one.plan.gradients());
            assertEquals(one.plan.parameters(), parts.plan.gradients());
        }
    }

    @Test
    void gradientsOfBf16WeightsAreKeptInF32() {
        try (TinyRun f32 = new TinyRun(GRADIENT, Clipping.none(), 2, 2, DType.F32, Rounding.STOCHASTIC);
                TinyRun bf16 = new TinyRun(GRADIENT, Clipping.none(), 2, 2, DType.BF16, Rounding.STOCHASTIC)) {
            assertEquals(f32.plan.gradients(), bf16.plan.gradients());
        }
    }

    @Test
    void byTokenEveryTargetOfTheBatchCountsEqually() {
        try (TinyRun whole = new TinyRun(GRADIENT, Clipping.none(), PARTS, 1); TinyRun parts = new TinyRun(GRADIENT, Clipping.none(), PARTS, 1)) {
            double expected = step(whole, Accumulation.none(), unequal(whole));
            double actual = step(parts, new Accumulation(PARTS, Accumulation.Weighting.TOKEN), unequal(parts));
            assertEquals(expected, actual, 1e-6);
            assertClose(whole.weights(), parts.weights(), 1e-6);
        }
    }

    @Test
    void byMicroBatchTheUpdateIsTheRunningMeanOfTheirGradients() {
        try (TinyRun run = new TinyRun(GRADIENT, Clipping.none(), PARTS, 1)) {
            float[] before = run.weights();
            float[] mean = new float[before.length];
            double meanLoss = 0;
            for (int i = 0; i < PARTS; i++) {
                try (TinyRun alone = new TinyRun(GRADIENT, Clipping.none(), PARTS, 1)) {
                    double loss = step(alone, Accumulation.none(), only(alone, i));
                    float[] after = alone.weights();
                    for (int j = 0; j < mean.length; j++) {
                        mean[j] = (i * mean[j] + (before[j] - after[j])) / (i + 1);
                    }
                    meanLoss = (i * meanLoss + loss) / (i + 1);
                }
            }
            assertEquals(meanLoss, step(run, byMicroBatch(), unequal(run)), 1e-6);
            float[] expected = before.clone();
            for (int j = 0; j < mean.length; j++) {
                expected[j] -= mean[j];
            }
            assertClose(expected, run.weights(), 1e-6);
        }
    }

    @Test
    void theTwoWeightingsDifferWhereMicroBatchesHaveUnequalTargets() {
        try (TinyRun byToken = new TinyRun(GRADIENT, Clipping.none(), PARTS, 1);
                TinyRun byPart = new TinyRun(GRADIENT, Clipping.none(), PARTS, 1)) {
            step(byToken, new Accumulation(PARTS, Accumulation.Weighting.TOKEN), unequal(byToken));
            step(byPart, byMicroBatch(), unequal(byPart));
            assertTrue(distance(byToken.weights(), byPart.weights()) > 1e-3);
        }
    }

    @Test
    void theTwoWeightingsAreTheSameBitsWhereTargetsAreEqual() {
        try (TinyRun byToken = new TinyRun(GRADIENT, Clipping.none(), PARTS, 1);
                TinyRun byPart = new TinyRun(GRADIENT, Clipping.none(), PARTS, 1)) {
            step(byToken, new Accumulation(PARTS, Accumulation.Weighting.TOKEN), byToken.source);
            step(byPart, byMicroBatch(), byPart.source);
            assertArrayEquals(byToken.weights(), byPart.weights());
        }
    }

    @Test
    void aMicroBatchWithoutTargetsHasNoMeanToWeigh() {
        try (TinyRun run = new TinyRun(GRADIENT, Clipping.none(), PARTS, 1)) {
            BatchSource source = (step, tokens, targets) -> {
                run.source.fill(step, tokens, targets);
                Arrays.fill(targets, TinyRun.LENGTH, 2 * TinyRun.LENGTH, -1);
            };
            float[] before = run.weights();
            String message = assertThrows(IllegalArgumentException.class, () -> step(run, byMicroBatch(), source)).getMessage();
            assertEquals("accumulation: a micro-batch of 1 sequences has no target, so there is no mean to weigh; weigh by token",
                    message);
            assertArrayEquals(before, run.weights());
            step(run, new Accumulation(PARTS, Accumulation.Weighting.TOKEN), source);
        }
    }

    @Test
    void noMicroBatchesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Accumulation(0, Accumulation.Weighting.TOKEN));
    }

    private static Accumulation byMicroBatch() {
        return new Accumulation(PARTS, Accumulation.Weighting.MICROBATCH);
    }

    /** Sequence i has i targets less than the first. */
    private static BatchSource unequal(TinyRun run) {
        return (step, tokens, targets) -> {
            run.source.fill(step, tokens, targets);
            for (int i = 0; i < PARTS; i++) {
                Arrays.fill(targets, i * TinyRun.LENGTH, i * TinyRun.LENGTH + i, -1);
            }
        };
    }

    /** The same, but of one sequence alone. */
    private static BatchSource only(TinyRun run, int sequence) {
        return (step, tokens, targets) -> {
            unequal(run).fill(step, tokens, targets);
            Arrays.fill(targets, 0, sequence * TinyRun.LENGTH, -1);
            Arrays.fill(targets, (sequence + 1) * TinyRun.LENGTH, targets.length, -1);
        };
    }

    /** Makes the first step and returns its loss. */
    private static double step(TinyRun run, Accumulation accumulation, BatchSource source) {
        try (Region gradients = Region.create("optimizer", run.plan.optimizer() + run.plan.parameters())) {
            Optimizer optimizer = new Optimizer(List.of(ParameterGroup.all(GRADIENT)),
                    Clipping.none(), run.model.parameters(), run.backend.kernels(), gradients);
            run.batch.fill(source, 0);
            return new TrainStep(run.model, optimizer, run.backend.kernels(), run.step, accumulation, false)
                    .run(run.batch, 0, false).loss();
        }
    }

    private static double distance(float[] a, float[] b) {
        double squares = 0;
        for (int i = 0; i < a.length; i++) {
            squares += (a[i] - b[i]) * (double) (a[i] - b[i]);
        }
        return Math.sqrt(squares);
    }

    private static void assertClose(float[] expected, float[] actual, double tolerance) {
        double relative = distance(expected, actual) / distance(expected, new float[expected.length]);
        assertTrue(relative <= tolerance, "seed " + TinyRun.SEED + ": relative difference " + relative);
    }
}
