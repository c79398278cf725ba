package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.train.Accumulation;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.StepStats;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFilesTest {
    private static final RunConfig.Weights F32 = new RunConfig.Weights(DType.F32, Rounding.STOCHASTIC);
    private static final RunConfig CONFIG = new RunConfig(GptConfig.preset("tiny"), F32,
            new RunConfig.Text(List.of("/a b/c.txt", "d.zip"), "*.java", 0.1, "byte", "abc", 1000, 100), 2, 50,
            new RunConfig.Update(OptimizerKind.ADAMW, 2e-3, 0.9, new Decay.HalfLife(1e6), 0.1, 1.5, ScheduleKind.CONSTANT, 0.05),
            42, new RunConfig.Intervals(1, 2, 3, 4), true);

    @TempDir
    Path directory;

    @Test
    void configurationsAreReadBackAsTheyWere() throws IOException {
        Path file = directory.resolve("config.json");
        RunConfig.Update sgd = new RunConfig.Update(OptimizerKind.SGD, 0.2, 0, null, 0, null, ScheduleKind.COSINE, 0);
        RunConfig.Update fixed = new RunConfig.Update(OptimizerKind.ADAMW, 1e-3, 0.9, new Decay.PerStep(0.95), 0, null,
                ScheduleKind.COSINE, 0.05);
        RunConfig.Update adafactor = new RunConfig.Update(OptimizerKind.ADAFACTOR, 0.01, 0, null,
                OptimizerKind.ADAFACTOR.settings(Map.of("power", "0.8"), false), 0, null, ScheduleKind.COSINE, 0.05);
        RunConfig.Update constant = new RunConfig.Update(OptimizerKind.ADAFACTOR, 0.01, 0, new Decay.HalfLife(1e5), 0, null,
                ScheduleKind.COSINE, 0.05);
        RunConfig.Update muon = new RunConfig.Update(OptimizerKind.MUON, 2e-3, 0.9, new Decay.PerStep(0.95),
                OptimizerKind.MUON.settings(Map.of("beta", ".9"), false), 1e-4, null, ScheduleKind.COSINE, 0.05);
        RunConfig.Update averaged = new RunConfig.Update(OptimizerKind.SGD, 0.2, 0, null,
                OptimizerKind.SGD.settings(Map.of("ema", "0.999"), false), 0, null, ScheduleKind.COSINE, 0);
        for (RunConfig.Update update : List.of(CONFIG.update(), sgd, fixed, adafactor, constant, muon, averaged)) {
            RunConfig config = CONFIG.withSteps(50, update, CONFIG.intervals());
            RunConfigJson.write(config, file);
            assertEquals(config, RunConfigJson.read(file));
        }
    }

    @Test
    void bf16WeightsAreReadBackWithTheirRounding() throws IOException {
        Path file = directory.resolve("config.json");
        for (Rounding rounding : Rounding.values()) {
            RunConfig config = new RunConfig(CONFIG.model(), new RunConfig.Weights(DType.BF16, rounding), CONFIG.text(), 2, 50,
                    CONFIG.update(), 42, CONFIG.intervals(), CONFIG.recompute());
            RunConfigJson.write(config, file);
            assertEquals(config, RunConfigJson.read(file));
            assertNotEquals(RunConfigJson.identity(CONFIG), RunConfigJson.identity(config));
        }
    }

    @Test
    void accumulationIsReadBackAndBelongsToTheIdentity() throws IOException {
        Path file = directory.resolve("config.json");
        for (Accumulation.Weighting weighting : Accumulation.Weighting.values()) {
            RunConfig config = new RunConfig(CONFIG.model(), F32, CONFIG.text(), 2, 50, CONFIG.update(), 42, CONFIG.intervals(),
                    CONFIG.recompute(), new Accumulation(2, weighting), null);
            RunConfigJson.write(config, file);
            assertEquals(config, RunConfigJson.read(file));
            assertNotEquals(RunConfigJson.identity(CONFIG), RunConfigJson.identity(config));
        }
    }

    @Test
    void growthIsReadBackAndBelongsToTheIdentity() throws IOException {
        Path file = directory.resolve("config.json");
        RunConfig.Growth growth = new RunConfig.Growth("augmented:nu=2", 7L, 48, "spiked=2.4");
        RunConfig config = new RunConfig(CONFIG.model(), F32, CONFIG.text(), 2, 50, CONFIG.update(), 42, CONFIG.intervals(),
                CONFIG.recompute(), new Accumulation(2, Accumulation.Weighting.MICROBATCH), growth);
        RunConfigJson.write(config, file);
        assertEquals(config, RunConfigJson.read(file));
        assertTrue(RunConfigJson.identity(config).toString().contains("\"growth\":{\"test\":\"augmented:nu=2\",\"interval\":7,"
                + "\"max\":48,\"lr_scaling\":\"spiked=2.4\"}"));
    }

    private String refusal(String json) throws IOException {
        Path file = directory.resolve("config.json");
        Files.writeString(file, json);
        return assertThrows(IOException.class, () -> RunConfigJson.read(file)).getMessage();
    }

    @Test
    void damagedAndNewerConfigurationsAreRefusedWithTheirName() throws IOException {
        RunConfigJson.write(CONFIG, directory.resolve("config.json"));
        String good = Files.readString(directory.resolve("config.json"));
        assertTrue(refusal(good.replaceFirst("\"format\" : 1", "\"format\" : 2")).contains("format 2, this build reads 1..1"));
        assertTrue(refusal(good.substring(0, 100)).contains("config.json: damaged: not JSON"));
        assertTrue(refusal(good.replace("\"adamw\"", "\"shampoo\"")).contains("\"shampoo\" is none of its values"));
        assertTrue(refusal(good.replace("\"seed\"", "\"seeds\"")).contains("seed is missing"));
    }

    @Test
    void pathsIntervalsAndRecomputationDoNotBelongToTheIdentityOfARun() {
        RunConfig moved = new RunConfig(CONFIG.model(), F32,
                new RunConfig.Text(List.of("elsewhere"), null, 0.1, "byte", "abc", 1000, 100), 2, 50, CONFIG.update(), 42,
                new RunConfig.Intervals(9, 9, 9, 9), false);
        assertEquals(RunConfigJson.identity(CONFIG), RunConfigJson.identity(moved));
    }

    private static StepStats stats(long step, OptionalDouble evalLoss, boolean logged) {
        return new StepStats(step, 16 * step, 16, 2.5, 1e-3, OptionalDouble.of(0.75), 1234.5678, 3.25, evalLoss, logged,
                OptionalDouble.empty(), 0);
    }

    @Test
    void aLineOfMetricsHasExactlyThePromisedKeys() throws IOException {
        Path file = directory.resolve("metrics.jsonl");
        try (MetricsFile metrics = MetricsFile.open(file, 0)) {
            metrics.onStep(stats(1, OptionalDouble.empty(), true));
            metrics.onStep(stats(2, OptionalDouble.of(2.25), true));
            metrics.onStep(stats(3, OptionalDouble.empty(), false));
        }
        List<String> lines = Files.readAllLines(file);
        List<String> keys = List.of("step", "tokens", "batch_tokens", "loss", "lr", "grad_norm", "tokens_per_second",
                "elapsed_seconds");
        assertEquals(2, lines.size());
        assertEquals(keys, names(lines.get(0)));
        List<String> withEval = new ArrayList<>(keys);
        withEval.add("eval_loss");
        assertEquals(withEval, names(lines.get(1)));
    }

    @Test
    void skippedStepsAreCountedOnWhereTheRunStoppedAndWhatIsNotFiniteIsNull() throws IOException {
        Path file = directory.resolve("metrics.jsonl");
        for (long step : new long[] {1, 2}) {
            try (MetricsFile metrics = MetricsFile.open(file, step - 1)) {
                metrics.onStep(new StepStats(step, 16 * step, 16, Double.NaN, 1e-3,
                        OptionalDouble.of(Double.POSITIVE_INFINITY), 1, 1, OptionalDouble.empty(), true,
                        OptionalDouble.of(0.25), 2));
            }
        }
        Metric last = MetricsFile.read(file).getLast();
        assertEquals(4, last.skipped());
        assertTrue(Double.isNaN(last.loss()) && Double.isNaN(last.gradNorm()));
        assertEquals(0.25, last.winRate().orElseThrow());
        String line = Files.readAllLines(file).getLast();
        assertTrue(line.contains("\"loss\":null") && line.contains("\"grad_norm\":null") && line.contains("\"skipped\":4"), line);
    }

    private static List<String> names(String json) throws IOException {
        List<String> names = new ArrayList<>();
        new JsonMapper().readTree(json).fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void timeGoesOnWhereTheRunStopped() throws IOException {
        Path file = directory.resolve("metrics.jsonl");
        for (long step : new long[] {1, 2}) {
            try (MetricsFile metrics = MetricsFile.open(file, step - 1)) {
                metrics.onStep(stats(step, OptionalDouble.empty(), true));
            }
        }
        assertEquals(List.of(3.25, 6.5), MetricsFile.read(file).stream().map(Metric::elapsedSeconds).toList());
    }

    @Test
    void thePlotIsAPictureWithCurves() throws IOException {
        List<Metric> metrics = new ArrayList<>();
        for (int i = 1; i <= 200; i++) {
            OptionalDouble eval = i % 50 == 0 ? OptionalDouble.of(4.0 / i + 2) : OptionalDouble.empty();
            metrics.add(new Metric(i, 256L * i, 256, 5.0 / i + 2 + i % 3 * 0.2, 1e-3, 1, 1000, i, eval, OptionalDouble.empty(), 0));
        }
        Path file = directory.resolve("loss.png");
        LossPlot.write(file, metrics, "title");
        var image = ImageIO.read(file.toFile());
        assertEquals(1000, image.getWidth());
        assertEquals(600, image.getHeight());
        assertTrue(IntStream.range(0, 1000).anyMatch(x -> IntStream.range(0, 600)
                .anyMatch(y -> (image.getRGB(x, y) & 0xFFFFFF) == 0x1955A5)), "the colour of the smoothed curve");
    }

    @Test
    void aBatchThatGrowsIsACurveOfThePlot() throws IOException {
        List<Metric> metrics = new ArrayList<>();
        for (int i = 1; i <= 50; i++) {
            metrics.add(new Metric(i, 256L * i, 32L * i, 5.0 / i + 2, 1e-3, 1, 1000, i, OptionalDouble.empty(),
                    OptionalDouble.empty(), 0));
        }
        Path file = directory.resolve("growing.png");
        LossPlot.write(file, metrics, "title");
        var image = ImageIO.read(file.toFile());
        assertTrue(IntStream.range(0, 1000).anyMatch(x -> IntStream.range(0, 600)
                .anyMatch(y -> (image.getRGB(x, y) & 0xFFFFFF) == 0x5A9646)), "the colour of the batches");
    }

    @Test
    void aSinglePointIsAPictureTooAndNoneIsNoFile() throws IOException {
        Metric point = new Metric(1, 16, 16, 2, 0, 1, 1, 1, OptionalDouble.empty(), OptionalDouble.empty(), 0);
        LossPlot.write(directory.resolve("one.png"), List.of(point), "one");
        assertTrue(Files.size(directory.resolve("one.png")) > 1000);
        LossPlot.write(directory.resolve("none.png"), List.of(), "none");
        assertFalse(Files.exists(directory.resolve("none.png")));
    }

    @Test
    void smoothingKeepsConstantsAndFollowsTheBeginning() {
        assertArrayEquals(new double[] {3, 3, 3, 3}, LossPlot.smoothed(new double[] {3, 3, 3, 3}));
        double[] falling = new double[1000];
        for (int i = 0; i < falling.length; i++) {
            falling[i] = 1000 - i;
        }
        double[] smooth = LossPlot.smoothed(falling);
        assertEquals(1000, smooth[0]);
        assertEquals(500, smooth[500], 1e-9);
    }

    @Test
    void tooLittleMemoryIsSaidWithTheNumberAndWhatToLower() {
        StepMemory memory = new StepMemory(3L << 30, 6L << 30, 0, 1L << 30, 0);
        String message = assertThrows(IOException.class,
                () -> MemoryCheck.require(memory, CONFIG, OptionalLong.of(4L << 30))).getMessage();
        for (String part : List.of("needs 10.1 GiB", "weights 3.0 GiB", "optimizer 6.0 GiB", "available are 4.0 GiB",
                "--batch-size (2)", "--seq-len (128)", "--preset")) {
            assertTrue(message.contains(part), () -> part + " in: " + message);
        }
    }

    @Test
    void enoughOrUnknownMemoryIsAccepted() throws IOException {
        StepMemory memory = new StepMemory(3L << 30, 6L << 30, 0, 1L << 30, 0);
        MemoryCheck.require(memory, CONFIG, OptionalLong.of(11L << 30));
        MemoryCheck.require(memory, CONFIG, OptionalLong.empty());
    }
}
