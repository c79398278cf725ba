package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.optim.batch.LearningRateScaling;
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
        return SmallRun.options(text, out).steps(null).tokens(TOKENS)
                .adaptiveBatch(2, growth(512, "norm:eta=0.5", 1, "none"));
    }

    private static RunConfig.Growth growth(int max, String test, long interval, String lrScaling) {
        return new RunConfig.Growth(test, interval, max, lrScaling);
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

    /** Every test but the norm's, each with a scaling of the rate. */
    @Test
    void otherTestsAndRatesThatFollowTheBatchGiveTheSameBitsToo() throws IOException {
        Map<String, String> tests = Map.of("inner-product", "sqrt", "augmented:theta=0.5,nu=0.5", "linear",
                "coordinate-wise:eta=0.5,quantile=0.8", "spiked=4");
        for (Map.Entry<String, String> test : tests.entrySet()) {
            UnaryOperator<TrainingOptions> growing = o -> o.tokens(TOKENS / 4).adaptiveBatch(2,
                    growth(64, test.getKey(), 2, test.getValue()));
            Path whole = directory.resolve(test.getKey().substring(0, 5));
            Path halves = directory.resolve(test.getKey().substring(0, 5) + "-halves");
            List<StepStats> heard = new ArrayList<>();
            train(growing.apply(options(whole)), stats -> !heard.add(stats));
            RunConfig config = RunConfigJson.read(whole.resolve("config.json"));
            LearningRateScaling scaling = LearningRateScaling.of(test.getValue());
            for (StepStats stats : heard) {
                double peak = scaling.scale(config.update().lr(), 2, stats.batchTokens() / 16.0);
                double before = stats.tokens() - stats.batchTokens();
                double warmup = config.warmupSteps() * 32.0;
                double part = before < warmup ? before / warmup
                        : 0.5 * (1 + Math.cos(Math.PI * (before - warmup) / (config.tokens() - warmup)));
                assertEquals(part * peak, stats.lr(), 1e-12, test + ", step " + stats.step());
            }
            long size = heard.getLast().batchTokens();
            assertTrue(size > 64, test + " grew to " + size);
            assertEquals(StopReason.STOP_REQUESTED, train(growing.apply(options(halves)), stats -> stats.batchTokens() > 40));
            assertEquals(StopReason.FINISHED, train(TrainingOptions.into(halves).resume(true).threads(1), stats -> false));
            assertArrayEquals(Files.readAllBytes(whole.resolve("model/model.safetensors")),
                    Files.readAllBytes(halves.resolve("model/model.safetensors")), test.toString());
        }
    }

    @Test
    void testOfCoordinatesIsRefusedWhereItWouldKeepTooMuch() {
        String message = assertThrows(UsageException.class, () -> TrainingRun.open(options(directory.resolve("large"))
                .adaptiveBatch(2, growth(1 << 20, "coordinate-wise", 1, "none")), (stage, done, total) -> { }).close())
                .getMessage();
        assertTrue(message.contains("needs the gradient of every sample"), message);
    }

    @Test
    void memoryDoesNotDependOnTheLargestBatch() throws IOException {
        RunConfig config = RunConfigJson.read(straight.resolve("config.json"));
        RunConfig larger = new RunConfig(config.model(), config.weights(), config.text(), config.batchSize(), config.steps(),
                config.update(), config.seed(), config.intervals(), config.recompute(), config.accumulation(),
                growth(1 << 20, "norm:eta=0.5", 1, "none"));
        assertEquals(config.memory(), larger.memory());
    }

    private static String refusal(UnaryOperator<TrainingOptions> change) {
        return assertThrows(UsageException.class, () -> change.apply(SmallRun.options(text, directory.resolve("none")).steps(null))
                .check()).getMessage();
    }

    @Test
    void whatContradictsGrowingBatchesIsRefused() {
        String norm = "norm";
        RunConfig.Growth usual = growth(64, norm, 1, "none");
        Map<String, UnaryOperator<TrainingOptions>> refused = Map.of(
                "--steps with --batch-size adaptive", o -> o.adaptiveBatch(2, usual).steps(100L),
                "--seconds with --batch-size adaptive", o -> o.adaptiveBatch(2, usual).seconds(3.0),
                "--accumulate and --accumulate-by are for batches of one size", o -> o.adaptiveBatch(2, usual).accumulate(2),
                "from 1 to 64 samples", o -> o.adaptiveBatch(1, usual),
                "from 8 to 4 samples", o -> o.adaptiveBatch(8, growth(4, norm, 1, "none")),
                "a test every 0 steps", o -> o.adaptiveBatch(2, growth(64, norm, 0, "none")),
                "learning rate scaling: 'spiked'", o -> o.adaptiveBatch(2, growth(64, norm, 1, "spiked")));
        refused.forEach((part, change) -> {
            String message = refusal(change);
            assertTrue(message.contains(part), message);
        });
    }

    @Test
    void runThatGoesOnKeepsItsKindOfBatch() {
        String norm = "norm:eta=0.5";
        for (UnaryOperator<TrainingOptions> change : List.<UnaryOperator<TrainingOptions>>of(o -> o.batchSize(2),
                o -> o.adaptiveBatch(4, growth(512, norm, 1, "none")), o -> o.adaptiveBatch(2, growth(64, norm, 1, "none")),
                o -> o.adaptiveBatch(2, growth(512, "norm:eta=0.4", 1, "none")),
                o -> o.adaptiveBatch(2, growth(512, norm, 2, "none")), o -> o.adaptiveBatch(2, growth(512, norm, 1, "sqrt")))) {
            TrainingOptions options = change.apply(TrainingOptions.into(straight).resume(true));
            assertThrows(UsageException.class, () -> TrainingRun.open(options, (stage, done, total) -> { }).close());
        }
    }
}
