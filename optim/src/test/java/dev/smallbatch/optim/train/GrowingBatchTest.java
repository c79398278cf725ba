package dev.smallbatch.optim.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.batch.BatchController;
import dev.smallbatch.optim.batch.BatchTest;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.checkpoint.CheckpointState;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import dev.smallbatch.optim.checkpoint.RunIdentity;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.optim.schedule.WarmupCosine;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Training a tiny model in batches whose size a controller decides. */
@ExtendWith(LeakCheck.class)
class GrowingBatchTest {
    private static final long TOKENS = 12_000;
    private static final UpdateRule ADAMW = new AdamW(new Schedule.InTokens(new WarmupCosine(0.02, TOKENS, 300)),
            new Decay.PerStep(0.9), new Decay.HalfLife(500), 1e-8, 0);

    @TempDir
    Path folder;

    /** A run with a controller in place of its own step; sequences go through the model one by one. */
    private static final class Growing implements AutoCloseable {
        private final TinyRun run = new TinyRun(ADAMW, Clipping.none(), 2, 2);
        private final BatchController controller;
        private final TrainStep step;
        private final List<StepStats> heard = new ArrayList<>();

        Growing(BatchController.Settings settings) {
            controller = new BatchController(settings);
            step = new TrainStep(run.model, run.optimizer, run.backend.kernels(), run.step, controller, false);
        }

        static Growing of(BatchTest test, int initial, int max) {
            return new Growing(new BatchController.Settings(test, 1, initial, max));
        }

        static Growing smoothed(double eta) {
            return new Growing(new BatchController.Settings(new BatchTest.Norm(eta), 1, 2, 64, 2, 2, true, 0.8));
        }

        TrainLoop loop(long tokens, CheckpointStore store, StepListener... more) {
            List<StepListener> listeners = new ArrayList<>(List.of(heard::add));
            listeners.addAll(List.of(more));
            TrainConfig config = new TrainConfig(TrainConfig.Unit.TOKENS, tokens, 0, 0, 0);
            return new TrainLoop(config, run.source, run.evalBatch, step, null, store, listeners);
        }

        List<Long> sequences() {
            return heard.stream().map(stats -> stats.batchTokens() / TinyRun.LENGTH).toList();
        }

        @Override
        public void close() {
            run.close();
        }
    }

    private CheckpointStore store() {
        return new CheckpointStore(folder.resolve("checkpoint"),
                new RunIdentity(TinyRun.SEED, JsonNodeFactory.instance.objectNode(), "scalar", "test"));
    }

    @Test
    void batchThatDoesNotGrowIsAnAccumulatedOne() {
        try (TinyRun fixed = new TinyRun(ADAMW, Clipping.none(), 4, 4);
                Growing growing = Growing.of(new BatchTest.Norm(1), 4, 4)) {
            BatchSource fours = (step, tokens, targets) -> {
                int[] one = new int[TinyRun.LENGTH];
                int[] next = new int[TinyRun.LENGTH];
                for (int row = 0; row < 4; row++) {
                    fixed.source.fill(4 * step + row, one, next);
                    System.arraycopy(one, 0, tokens, row * TinyRun.LENGTH, TinyRun.LENGTH);
                    System.arraycopy(next, 0, targets, row * TinyRun.LENGTH, TinyRun.LENGTH);
                }
            };
            TrainState state = TrainState.start();
            for (int i = 0; i < 6; i++) {
                StepResult expected = fixed.trainStep.run(fours, fixed.batch, state, true);
                assertEquals(expected, growing.step.run(growing.run.source, growing.run.evalBatch, state, true));
                state = state.advance(24);
            }
            assertArrayEquals(fixed.everything(), growing.run.everything());
        }
    }

    /** Two ways: from squared norms, and coordinate by coordinate. */
    @Test
    void noiseFromMicroBatchesIsThatOfTheirGradients() {
        try (Growing norms = Growing.of(new BatchTest.Norm(1), 5, 100); Growing samples = Growing.of(
                new BatchTest.CoordinateWise(1, 1), 5, 100)) {
            norms.step.run(norms.run.source, norms.run.evalBatch, TrainState.start(), false);
            samples.step.run(samples.run.source, samples.run.evalBatch, TrainState.start(), false);
            double variance = sum(samples.controller.state().noise());
            double squaredNorm = sum(samples.controller.state().signal());
            assertEquals(variance, sum(norms.controller.state().noise()), 1e-5 * variance);
            assertEquals(squaredNorm, sum(norms.controller.state().signal()), 1e-5 * squaredNorm);
            assertArrayEquals(norms.run.everything(), samples.run.everything());
        }
    }

    private static double sum(List<Double> values) {
        return values.stream().mapToDouble(value -> value).sum();
    }

    @Test
    void growsAsTheLossFalls() throws IOException {
        try (Growing growing = Growing.smoothed(0.5)) {
            growing.loop(TOKENS, null).run(TrainState.start());
            List<Long> sizes = growing.sequences();
            String seen = "seed " + TinyRun.SEED + ": " + sizes;
            assertEquals(2, sizes.getFirst());
            assertTrue(sizes.get(10) <= 8, seen);
            assertTrue(sizes.getLast() >= 20, seen);
            assertTrue(growing.heard.getLast().loss() < 0.5 * growing.heard.getFirst().loss(), seen);
            assertEquals(sizes.stream().sorted().toList(), sizes, "never shrinks");
            for (int i = 1; i < sizes.size(); i++) {
                assertTrue(sizes.get(i) <= 2 * sizes.get(i - 1), "at most twofold");
            }
        }
    }

    @Test
    void largerEtaMeansSmallerBatches() throws IOException {
        try (Growing strict = Growing.smoothed(0.4); Growing lenient = Growing.smoothed(1.2)) {
            strict.loop(TOKENS / 4, null).run(TrainState.start());
            lenient.loop(TOKENS / 4, null).run(TrainState.start());
            assertTrue(lenient.heard.size() > 1.2 * strict.heard.size(),
                    "seed " + TinyRun.SEED + ": " + strict.sequences() + " and " + lenient.sequences());
        }
    }

    @Test
    void equalSequencesKeepTheBatch() {
        try (Growing growing = Growing.of(new BatchTest.Norm(0.1), 3, 64)) {
            BatchSource same = (index, tokens, targets) -> growing.run.source.fill(0, tokens, targets);
            TrainState state = TrainState.start();
            for (int i = 0; i < 20; i++) {
                growing.step.run(same, growing.run.evalBatch, state, false);
                assertEquals(3 * TinyRun.LENGTH, growing.step.tokens(growing.run.evalBatch), "after step " + i);
                state = state.advance(3 * TinyRun.LENGTH);
            }
        }
    }

    @Test
    void endsWithTheStepThatReachesItsTokens() throws IOException {
        try (Growing growing = Growing.of(new BatchTest.Norm(1), 3, 3)) {
            assertEquals(StopReason.FINISHED, growing.loop(100, null).run(TrainState.start()));
            assertEquals(108, growing.heard.getLast().tokens());
            assertTrue(growing.heard.getLast().logged());
        }
    }

    @Test
    void stepAfterWhichTheBatchGrowsIsLogged() throws IOException {
        try (Growing growing = Growing.smoothed(0.5)) {
            growing.loop(TOKENS / 4, null).run(TrainState.start());
            for (int i = 1; i < growing.heard.size() - 1; i++) {
                boolean grows = growing.heard.get(i + 1).batchTokens() > growing.heard.get(i).batchTokens();
                assertEquals(grows, growing.heard.get(i).logged(), "step " + i);
            }
        }
    }

    @Test
    void memoryStaysAsItIsWhileTheBatchGrows() throws IOException {
        try (Growing growing = Growing.smoothed(0.5)) {
            growing.loop(1, null).run(TrainState.start());
            long allocations = MemoryStats.nativeAllocations();
            long peak = growing.run.step.peak();
            growing.loop(TOKENS / 2, null).run(new TrainState(1, 12));
            assertTrue(growing.controller.batchSize() > 8, "grew to " + growing.controller.batchSize());
            assertEquals(allocations, MemoryStats.nativeAllocations());
            assertEquals(peak, growing.run.step.peak());
        }
    }

    @Test
    void goingOnInMidGrowthGivesTheSameBits() throws IOException {
        float[] uninterrupted;
        BatchController.State end;
        try (Growing growing = Growing.smoothed(0.5)) {
            growing.loop(TOKENS / 4, null).run(TrainState.start());
            uninterrupted = growing.run.everything();
            end = growing.controller.state();
        }
        try (Growing growing = Growing.smoothed(0.5)) {
            TrainLoop[] self = new TrainLoop[1];
            self[0] = growing.loop(TOKENS / 4, store(), stats -> {
                if (growing.controller.batchSize() >= 8) {
                    self[0].requestStop();
                }
            });
            assertEquals(StopReason.STOP_REQUESTED, self[0].run(TrainState.start()));
            assertTrue(growing.controller.batchSize() < end.batchSize(), "stopped at " + growing.controller.state());
        }
        try (Growing growing = Growing.smoothed(0.5)) {
            CheckpointState state = store().load(growing.run.optimizer);
            growing.controller.restore(state.batch());
            growing.loop(TOKENS / 4, store()).run(new TrainState(state.step(), state.tokens()));
            assertArrayEquals(uninterrupted, growing.run.everything());
            assertEquals(end, growing.controller.state());
        }
    }

    @Test
    void skippedStepSaysNothingAboutNoise() {
        try (Growing growing = Growing.of(new BatchTest.Norm(0.01), 2, 64)) {
            TrainStep exploding = new TrainStep(new Exploding(growing.run.model, 1), growing.run.optimizer,
                    growing.run.backend.kernels(), growing.run.step, growing.controller, false);
            assertTrue(exploding.run(growing.run.source, growing.run.evalBatch, TrainState.start(), false).skipped());
            assertEquals(new BatchController.State(2, List.of(), List.of()), growing.controller.state());
        }
    }

    @Test
    void gradientsOfSamplesAreOnlyKeptOfSmallModels() {
        try (TinyRun run = new TinyRun(ADAMW, Clipping.none(), 2, 2)) {
            BatchController controller = new BatchController(
                    new BatchController.Settings(new BatchTest.Augmented(0.5, 1), 1, 2, 1 << 20));
            String message = assertThrows(IllegalArgumentException.class, () -> new TrainStep(run.model, run.optimizer,
                    run.backend.kernels(), run.step, controller, false)).getMessage();
            assertTrue(message.contains("needs the gradient of every sample"), message);
            assertTrue(message.contains("MiB, more than 256; use the norm test"), message);
        }
    }

    @Test
    void saysWhyGradientsAreKept() {
        try (Growing growing = Growing.smoothed(0.5)) {
            String why = growing.step.describe();
            assertTrue(why.endsWith("because the noise of micro-batches decides how many make an update"), why);
            assertFalse(why.contains("wasteful"), why);
        }
    }
}
