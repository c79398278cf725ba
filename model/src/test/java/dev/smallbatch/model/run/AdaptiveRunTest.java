package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.optim.checkpoint.CheckpointStore;
import dev.smallbatch.optim.train.StepStats;
import dev.smallbatch.optim.train.StopReason;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A run in batches that grow. */
@ExtendWith(LeakCheck.class)
class AdaptiveRunTest {
    private static final long TOKENS = 20_000;

    @TempDir
    static Path directory;
    private static Path text;
    private static Path straight;
    private static final List<StepStats> HEARD = new ArrayList<>();

    @BeforeAll
    static void trainWithoutStopping() throws IOException {
        text = SmallRun.text(directory, 6000);
        straight = directory.resolve("straight");
        assertEquals(StopReason.FINISHED, train(options(straight), stats -> {
            HEARD.add(stats);
            return false;
        }));
    }

    private static TrainingOptions options(Path out) {
        return SmallRun.options(text, out).steps(null).tokens(TOKENS).adaptiveBatch(2, 512, 0.5);
    }

    private static StopReason train(TrainingOptions options, Predicate<StepStats> stop) throws IOException {
        try (TrainingRun run = TrainingRun.open(options, (stage, done, total) -> { })) {
            return run.train(List.of(stats -> {
                if (stop.test(stats)) {
                    run.requestStop();
                }
            })).reason();
        }
    }

    @Test
    void endsWithItsTokensAndSchedulesFollowThem() throws IOException {
        RunConfig config = RunConfigJson.read(straight.resolve("config.json"));
        assertEquals(TOKENS, config.tokens());
        StepStats last = HEARD.getLast();
        assertTrue(last.tokens() >= TOKENS && last.tokens() - last.batchTokens() < TOKENS, last.toString());
        assertTrue(HEARD.size() < config.steps() / 2, HEARD.size() + " steps");
        double peak = config.update().lr();
        for (StepStats stats : HEARD) {
            double before = stats.tokens() - stats.batchTokens();
            double expected = before < 0.05 * TOKENS ? peak * before / (0.05 * TOKENS)
                    : peak * 0.5 * (1 + Math.cos(Math.PI * (before / TOKENS - 0.05) / 0.95));
            assertEquals(expected, stats.lr(), 0.01 * peak, "step " + stats.step());
        }
    }

    @Test
    void historyOfTheBatchIsInTheMetrics() throws IOException {
        List<Long> logged = MetricsFile.read(straight.resolve("metrics.jsonl")).stream().map(Metric::batchTokens).distinct().toList();
        List<Long> made = HEARD.stream().map(StepStats::batchTokens).distinct().toList();
        assertEquals(made, logged);
        assertEquals(32, made.getFirst());
        assertTrue(made.size() > 3, made.toString());
    }

    @Test
    void runThatWasStoppedInMidGrowthGivesTheSameBits() throws IOException {
        Path run = directory.resolve("stopped");
        for (int stop = 0; stop < 2; stop++) {
            long size = HEARD.get(HEARD.size() / 4 * (stop + 1)).batchTokens();
            TrainingOptions options = stop == 0 ? options(run) : TrainingOptions.into(run).resume(true).threads(1);
            assertEquals(StopReason.STOP_REQUESTED, train(options, stats -> stats.batchTokens() >= size));
            assertTrue(CheckpointStore.read(run.resolve("checkpoint")).batch().batchSize() * 16L >= size);
        }
        assertEquals(StopReason.FINISHED, train(TrainingOptions.into(run).resume(true).threads(1), stats -> false));
        for (String file : List.of("model/model.safetensors", "checkpoint/optimizer.safetensors")) {
            assertArrayEquals(Files.readAllBytes(straight.resolve(file)), Files.readAllBytes(run.resolve(file)), file);
        }
        assertEquals(CheckpointStore.read(straight.resolve("checkpoint")).batch(),
                CheckpointStore.read(run.resolve("checkpoint")).batch());
    }

    @Test
    void memoryDoesNotDependOnTheLargestBatch() throws IOException {
        RunConfig config = RunConfigJson.read(straight.resolve("config.json"));
        RunConfig larger = new RunConfig(config.model(), config.weights(), config.text(), config.batchSize(), config.steps(),
                config.update(), config.seed(), config.intervals(), config.recompute(), config.accumulation(),
                new RunConfig.Growth(0.5, 1 << 20));
        assertEquals(config.memory(), larger.memory());
    }

    private static String refusal(UnaryOperator<TrainingOptions> change) {
        return assertThrows(UsageException.class, () -> change.apply(SmallRun.options(text, directory.resolve("none")).steps(null))
                .check()).getMessage();
    }

    @Test
    void whatContradictsGrowingBatchesIsRefused() {
        Map<String, UnaryOperator<TrainingOptions>> refused = Map.of(
                "--steps with --batch-size adaptive", o -> o.adaptiveBatch(2, 64, 0.5).steps(100L),
                "--seconds with --batch-size adaptive", o -> o.adaptiveBatch(2, 64, 0.5).seconds(3.0),
                "--accumulate and --accumulate-by are for batches of one size", o -> o.adaptiveBatch(2, 64, 0.5).accumulate(2),
                "from 1 to 64 samples", o -> o.adaptiveBatch(1, null, null),
                "from 8 to 4 samples", o -> o.adaptiveBatch(8, 4, null),
                "--batch-eta -0.5", o -> o.adaptiveBatch(2, 64, -0.5));
        refused.forEach((part, change) -> {
            String message = refusal(change);
            assertTrue(message.contains(part), message);
        });
    }

    @Test
    void runThatGoesOnKeepsItsKindOfBatch() {
        for (UnaryOperator<TrainingOptions> change : List.<UnaryOperator<TrainingOptions>>of(o -> o.batchSize(2),
                o -> o.adaptiveBatch(4, null, null), o -> o.adaptiveBatch(null, 64, null), o -> o.adaptiveBatch(null, null, 0.4))) {
            TrainingOptions options = change.apply(TrainingOptions.into(straight).resume(true));
            assertThrows(UsageException.class, () -> TrainingRun.open(options, (stage, done, total) -> { }).close());
        }
    }
}
