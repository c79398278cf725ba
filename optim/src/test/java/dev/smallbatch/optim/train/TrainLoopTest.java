package dev.smallbatch.optim.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.checkpoint.CheckpointState;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import dev.smallbatch.optim.checkpoint.RunIdentity;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class TrainLoopTest {
    @TempDir
    Path folder;

    private final List<StepStats> heard = new ArrayList<>();

    private CheckpointStore store() {
        return new CheckpointStore(folder.resolve("checkpoint"),
                new RunIdentity(TinyRun.SEED, JsonNodeFactory.instance.objectNode().put("lr", 0.02), "scalar", "test"));
    }

    private TrainLoop loop(TinyRun run, TrainConfig config, StepListener... more) {
        List<StepListener> listeners = new ArrayList<>(List.of(heard::add));
        listeners.addAll(List.of(more));
        return new TrainLoop(config, run.source, run.batch, run.trainStep, run.evaluator(2), store(), listeners);
    }

    /** Without evaluator and listeners. */
    private static TrainLoop bare(TinyRun run, TrainStep step, TrainConfig config, CheckpointStore store) {
        return new TrainLoop(config, run.source, run.batch, step, null, store, List.of());
    }

    @Test
    void makesEveryStepOnItsOwnData() throws IOException {
        try (TinyRun byHand = new TinyRun(); TinyRun run = new TinyRun()) {
            assertEquals(StopReason.FINISHED, loop(run, new TrainConfig(5, 0, 0, 0)).run(TrainState.start()));
            for (int step = 0; step < 5; step++) {
                assertEquals(byHand.train(step).loss(), heard.get(step).loss());
            }
            assertEquals(5, heard.size());
            assertArrayEquals(byHand.everything(), run.everything());
        }
    }

    @Test
    void statisticsCountFinishedSteps() throws IOException {
        try (TinyRun run = new TinyRun()) {
            loop(run, new TrainConfig(3, 0, 0, 0)).run(TrainState.start());
            StepStats second = heard.get(1);
            assertEquals(2, second.step());
            assertEquals(2 * 2 * TinyRun.LENGTH, second.tokens());
            assertEquals(TinyRun.adamW().lr().at(1), second.lr());
            assertTrue(second.tokensPerSecond() > 0);
            assertTrue(second.elapsedSeconds() <= heard.get(2).elapsedSeconds());
        }
    }

    @Test
    void logsTheFirstTheLastAndEveryFewStepsWithTheGradientNorm() throws IOException {
        try (TinyRun run = new TinyRun()) {
            loop(run, new TrainConfig(7, 3, 0, 0)).run(TrainState.start());
            assertEquals(List.of(1L, 3L, 6L, 7L), heard.stream().filter(StepStats::logged).map(StepStats::step).toList());
            heard.forEach(stats -> assertEquals(stats.logged(), stats.gradNorm().isPresent(), "step " + stats.step()));
        }
    }

    @Test
    void evaluatesEveryFewStepsAndAtTheEnd() throws IOException {
        try (TinyRun run = new TinyRun()) {
            loop(run, new TrainConfig(5, 0, 2, 0)).run(TrainState.start());
            List<StepStats> evaluated = heard.stream().filter(stats -> stats.evalLoss().isPresent()).toList();
            assertEquals(List.of(2L, 4L, 5L), evaluated.stream().map(StepStats::step).toList());
            assertEquals(run.evaluator(2).loss(), heard.getLast().evalLoss().orElseThrow());
        }
    }

    @Test
    void savesEveryFewStepsAndAtTheEnd() throws IOException {
        List<Long> saved = new ArrayList<>();
        try (TinyRun run = new TinyRun()) {
            StepListener look = stats -> saved.add(savedStep());
            loop(run, new TrainConfig(5, 0, 0, 2), look).run(TrainState.start());
            assertEquals(List.of(-1L, -1L, 2L, 2L, 4L), saved, "as seen in each step, before it saves");
            assertEquals(5, savedStep());
        }
    }

    private long savedStep() {
        try {
            return store().exists() ? CheckpointStore.read(folder.resolve("checkpoint")).step() : -1;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aRequestedStopFinishesTheStepSavesItAndCanBeResumed() throws IOException {
        float[] expected;
        try (TinyRun uninterrupted = new TinyRun()) {
            bare(uninterrupted, uninterrupted.trainStep, new TrainConfig(6, 0, 0, 0), null).run(TrainState.start());
            expected = uninterrupted.everything();
        }
        try (TinyRun run = new TinyRun()) {
            TrainLoop[] self = new TrainLoop[1];
            self[0] = loop(run, new TrainConfig(6, 0, 0, 0), stats -> {
                if (stats.step() == 3) {
                    self[0].requestStop();
                }
            });
            assertEquals(StopReason.STOP_REQUESTED, self[0].run(TrainState.start()));
            assertEquals(3, heard.size());
            assertEquals(3, savedStep());
        }
        try (TinyRun run = new TinyRun()) {
            CheckpointState state = store().load(run.optimizer);
            TrainState resumed = new TrainState(state.step(), state.tokens());
            assertEquals(StopReason.FINISHED, loop(run, new TrainConfig(6, 0, 0, 0)).run(resumed));
            assertEquals(6, heard.getLast().step());
            assertEquals(6 * 2 * TinyRun.LENGTH, heard.getLast().tokens());
            assertArrayEquals(expected, run.everything());
        }
    }

    @Test
    void aStopRequestedBeforeTheFirstStepSavesTheStart() throws IOException {
        try (TinyRun run = new TinyRun()) {
            TrainLoop loop = loop(run, new TrainConfig(6, 0, 0, 0));
            loop.requestStop();
            assertEquals(StopReason.STOP_REQUESTED, loop.run(TrainState.start()));
            assertEquals(0, savedStep());
        }
    }

    @Test
    void aSkippedStepIsCountedAndLoggedAndItsTokensAreSeen() throws IOException {
        try (TinyRun byHand = new TinyRun(); TinyRun run = new TinyRun()) {
            TrainLoop loop = new TrainLoop(new TrainConfig(6, 0, 0, 0), run.source, run.batch, exploding(run, 3, 4), null, null,
                    List.of(heard::add));
            loop.run(TrainState.start());
            assertEquals(List.of(0L, 0L, 0L, 1L, 1L, 1L), heard.stream().map(StepStats::skipped).toList());
            assertEquals(List.of(1L, 4L, 6L), heard.stream().filter(StepStats::logged).map(StepStats::step).toList());
            assertEquals(6 * 2 * TinyRun.LENGTH, heard.getLast().tokens());
            for (int step : new int[] {0, 1, 2, 4, 5}) {
                byHand.train(step);
            }
            assertArrayEquals(byHand.everything(), run.everything());
        }
    }

    @Test
    void goingOnAfterASkippedStepGivesTheSameBits() throws IOException {
        float[] expected;
        try (TinyRun run = new TinyRun()) {
            bare(run, exploding(run, 1, 2), new TrainConfig(6, 0, 0, 3), null).run(TrainState.start());
            expected = run.everything();
        }
        try (TinyRun run = new TinyRun()) {
            bare(run, exploding(run, 1, 2), new TrainConfig(3, 0, 0, 0), store()).run(TrainState.start());
        }
        try (TinyRun run = new TinyRun()) {
            store().load(run.optimizer);
            bare(run, run.trainStep, new TrainConfig(6, 0, 0, 0), null).run(new TrainState(3, 36));
            assertArrayEquals(expected, run.everything());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {9, 10})
    void tenSkippedStepsInARowEndTheRunAndNineDoNot(int many) throws IOException {
        try (TinyRun run = new TinyRun()) {
            TrainLoop loop = bare(run, exploding(run, 3, 3 + many), new TrainConfig(20, 0, 0, 2), store());
            if (many < 10) {
                assertEquals(StopReason.FINISHED, loop.run(TrainState.start()));
                return;
            }
            NonFiniteLossException e = assertThrows(NonFiniteLossException.class, () -> loop.run(TrainState.start()));
            assertEquals(12, e.step());
            assertTrue(e.getMessage().startsWith("step 13: the norm of the gradients of the 10th step in a row that was skipped is "),
                    e.getMessage());
            assertEquals(12, savedStep());
        }
    }

    @Test
    void aRunWhoseWeightsAreLostStopsBeforeTheyAreSaved() throws IOException {
        float[] good;
        try (TinyRun run = new TinyRun()) {
            bare(run, run.trainStep, new TrainConfig(2, 0, 0, 0), null).run(TrainState.start());
            good = run.everything();
        }
        try (TinyRun run = new TinyRun()) {
            TrainLoop loop = loop(run, new TrainConfig(8, 0, 0, 2), stats -> {
                if (stats.step() == 3) {
                    TinyRun.spoil(run.parameter("head").value());
                }
            });
            NonFiniteLossException e = assertThrows(NonFiniteLossException.class, () -> loop.run(TrainState.start()));
            assertTrue(e.getMessage().startsWith("step 4: the parameter head is NaN. "), e.getMessage());
            assertTrue(e.getMessage().contains("lower learning rate, a longer warm-up or clipping"), e.getMessage());
        }
        try (TinyRun run = new TinyRun()) {
            assertEquals(2, store().load(run.optimizer).step());
            assertArrayEquals(good, run.everything());
        }
    }

    @Test
    void aRunWhoseWeightsAreLostStopsAfterTenStepsIfItSavesNothing() {
        try (TinyRun run = new TinyRun()) {
            TinyRun.spoil(run.parameter("head").value());
            TrainLoop loop = bare(run, run.trainStep, new TrainConfig(80, 0, 0, 0), store());
            NonFiniteLossException e = assertThrows(NonFiniteLossException.class, () -> loop.run(TrainState.start()));
            assertTrue(e.getMessage().startsWith("step 10: the loss of the 10th step in a row that was skipped is NaN. "),
                    e.getMessage());
            assertFalse(store().exists());
        }
    }

    private static TrainStep exploding(TinyRun run, int from, int to) {
        return new TrainStep(new Exploding(run.model, from, to), run.optimizer, run.backend.kernels(), run.step, 1);
    }

    @Test
    void aValidationLossThatIsNotFiniteStopsTheRunBeforeItIsReported() {
        try (TinyRun run = new TinyRun(); TinyRun broken = new TinyRun()) {
            float[] head = broken.parameter("head").value().toFloatArray();
            head[0] = Float.NaN;
            broken.parameter("head").value().copyFrom(head);
            TrainLoop loop = new TrainLoop(new TrainConfig(8, 0, 2, 0), run.source, run.batch, run.trainStep,
                    broken.evaluator(1), null, List.of(heard::add));
            String message = assertThrows(NonFiniteLossException.class, () -> loop.run(TrainState.start())).getMessage();
            assertTrue(message.startsWith("step 2: the validation loss is NaN"), message);
            assertEquals(1, heard.size());
        }
    }

    @Test
    void aFinishedRunHasNothingToDo() throws IOException {
        try (TinyRun run = new TinyRun()) {
            assertEquals(StopReason.FINISHED, loop(run, new TrainConfig(3, 1, 1, 1)).run(new TrainState(3, 36)));
            assertEquals(List.of(), heard);
        }
    }

    @Test
    void impossibleConfigurationsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new TrainConfig(0, 1, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> new TrainConfig(1, -1, 1, 1));
    }
}
