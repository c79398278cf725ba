package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.data.CorpusProgress;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every optimizer in a run of its own, with its defaults. The model is wide enough for Adafactor to factor. */
@ExtendWith(LeakCheck.class)
class OptimizersTest {
    private static final CorpusProgress QUIET = (stage, done, total) -> { };

    @TempDir
    private Path directory;

    private TrainingOptions options(OptimizerKind kind, DType dtype, String name) throws IOException {
        return SmallRun.options(SmallRun.text(directory, 6000), directory.resolve(name)).dim(128).optimizer(kind).dtype(dtype);
    }

    private static void train(TrainingOptions options, long stopAfter) throws IOException {
        try (TrainingRun run = TrainingRun.open(options, QUIET)) {
            run.train(List.of(stats -> {
                if (stats.step() == stopAfter) {
                    run.requestStop();
                }
            }));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRunOnTwoThreadsThatWasStoppedAndResumedGivesTheBitsOfAStraightOne(OptimizerKind kind) throws IOException {
        DType dtype = kind.takes(DType.BF16) ? DType.BF16 : DType.F32;
        train(options(kind, dtype, "straight"), Long.MAX_VALUE);
        train(options(kind, dtype, "stopped").threads(2), 13);
        train(TrainingOptions.into(directory.resolve("stopped")).resume(true).threads(2), Long.MAX_VALUE);
        for (String file : List.of("model.safetensors", "optimizer.safetensors")) {
            assertArrayEquals(Files.readAllBytes(directory.resolve("straight/checkpoint").resolve(file)),
                    Files.readAllBytes(directory.resolve("stopped/checkpoint").resolve(file)), file);
        }
    }

    /** The last of a run is its model, and a checkpoint holds the same weights beside those to go on from. */
    @Test
    void anAverageOfWeightsIsExportedAndAStoppedRunGoesOnWithIt() throws IOException {
        train(options(OptimizerKind.ADAMW, DType.BF16, "plain"), Long.MAX_VALUE);
        train(options(OptimizerKind.ADAMW, DType.BF16, "straight").set("ema", 0.9), Long.MAX_VALUE);
        train(options(OptimizerKind.ADAMW, DType.BF16, "stopped").set("ema", 0.9), 13);
        train(TrainingOptions.into(directory.resolve("stopped")).resume(true), Long.MAX_VALUE);
        byte[] model = Files.readAllBytes(directory.resolve("straight/model/model.safetensors"));
        assertArrayEquals(model, Files.readAllBytes(directory.resolve("stopped/model/model.safetensors")));
        assertFalse(Arrays.equals(model, Files.readAllBytes(directory.resolve("plain/model/model.safetensors"))));
    }

    @ParameterizedTest
    @EnumSource
    void fortyStepsLowerTheValidationLoss(OptimizerKind kind) throws IOException {
        train(options(kind, DType.F32, "run"), Long.MAX_VALUE);
        List<Double> losses = MetricsFile.read(directory.resolve("run/metrics.jsonl")).stream()
                .filter(m -> m.evalLoss().isPresent()).map(m -> m.evalLoss().getAsDouble()).toList();
        assertTrue(losses.getLast() < losses.getFirst() - 0.1, () -> kind + ": " + losses);
    }

    @Test
    void aRunOfSophiaReportsItsWinRate() throws IOException {
        train(options(OptimizerKind.SOPHIA_G, DType.F32, "run"), Long.MAX_VALUE);
        Metric last = MetricsFile.read(directory.resolve("run/metrics.jsonl")).getLast();
        assertTrue(last.winRate().orElseThrow() > 0, () -> "win rate " + last.winRate());
    }

    /** Twice the share is twice the rate, as long as the curvature is that of the beginning. */
    @Test
    void aRateThatIsLearnedIsInTheMetrics() throws IOException {
        train(options(OptimizerKind.LEARNED_SGD, DType.F32, "half").set("ema", 0.9), Long.MAX_VALUE);
        train(options(OptimizerKind.LEARNED_SGD, DType.F32, "quarter").lr(0.25), Long.MAX_VALUE);
        List<Metric> half = MetricsFile.read(directory.resolve("half/metrics.jsonl"));
        List<Metric> quarter = MetricsFile.read(directory.resolve("quarter/metrics.jsonl"));
        assertTrue(half.get(2).lr() > 0.001, () -> "rate " + half.get(2).lr());
        assertEquals(2, half.get(2).lr() / quarter.get(2).lr(), 1e-6);
    }

    @Test
    void sophiaWithProductsOfTheHessianIsRefusedInBf16AndPlannedInF32HoweverLittleMemoryThereIs() {
        GptConfig model = GptConfig.preset("tiny");
        String message = assertThrows(UsageException.class, () ->
                MemoryPlan.of(new MemoryPlan.Choice(model, DType.BF16, OptimizerKind.SOPHIA_H, false, 1, false))).getMessage();
        assertTrue(message.startsWith("--optimizer sophia-h with --dtype bf16; ") && message.endsWith("Use --dtype f32"), message);
        Recipe recipe = Recipe.forModel(model).withOptimizer(OptimizerKind.SOPHIA_H).onMemory(1_000_000);
        assertEquals(DType.F32, recipe.choice().dtype());
        assertFalse(recipe.memory().neighbours().containsKey("--dtype bf16"));
    }

    @Test
    void muonUpdatesHiddenMatricesAndAdamWTheRest() {
        List<ParameterGroup> groups = OptimizerKind.MUON.atConstantRate(1e-3);
        List<String> names = Gpt.planned(GptConfig.preset("tiny")).parameters().stream()
                .filter(groups.getFirst().selects()).map(Parameter::name).limit(5).toList();
        assertEquals(List.of("h.0.attn.qkv.weight", "h.0.attn.out.weight", "h.0.mlp.up.weight", "h.0.mlp.down.weight",
                "h.1.attn.qkv.weight"), names);
    }

    /** Bytes for each parameter, but for 64 of every piece of memory: 64 of them, and three beside the state. */
    @Test
    void theStateIsThatOfThePapersTable() {
        GptConfig model = GptConfig.preset("gpt2s");
        assertState(0, OptimizerKind.SGD, model);
        assertState(4.0 * model.parameterCount(), OptimizerKind.MOMENTUM, model);
        assertState(8.0 * model.parameterCount(), OptimizerKind.ADAMW, model);
        double tables = 2.0 * model.vocabularySize() * model.dim();
        double scratch = 4 * 3.0 * 4 * model.dim() * model.dim();
        assertState(4.0 * (model.parameterCount() + tables) + scratch, OptimizerKind.MUON, model);
        int dim = model.dim();
        int heads = model.heads();
        long block = (3L * dim + 3L * heads * dim) + ((long) dim * heads + dim) + 2 * (4L * dim + dim);
        assertState(4.0 * (model.layers() * block + 2L * (model.vocabularySize() + dim)), OptimizerKind.ADAFACTOR, model);
    }

    private static void assertState(double bytes, OptimizerKind kind, GptConfig model) {
        long planned = MemoryPlan.of(new MemoryPlan.Choice(model, DType.F32, kind, false, 1, false)).memory().optimizerState();
        assertEquals(bytes, planned, 128 * 110 + 128 * 3, kind.option());
    }
}
