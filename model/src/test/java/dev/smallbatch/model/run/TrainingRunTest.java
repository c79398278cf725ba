package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.data.Corpus;
import dev.smallbatch.model.data.CorpusProgress;
import dev.smallbatch.model.generate.Sampler;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.train.Accumulation;
import dev.smallbatch.optim.train.NonFiniteLossException;
import dev.smallbatch.optim.train.StopReason;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class TrainingRunTest {
    private static final CorpusProgress QUIET = (stage, done, total) -> { };

    @TempDir
    static Path directory;
    private static Path text;
    private static Path straight;

    @BeforeAll
    static void trainWithoutStopping() throws IOException {
        text = SmallRun.text(directory, 6000);
        straight = directory.resolve("straight");
        assertEquals(StopReason.FINISHED, train(SmallRun.options(text, straight), Long.MAX_VALUE).reason());
    }

    private static TrainingRun.Result train(TrainingOptions options, long stopAfter) throws IOException {
        try (TrainingRun run = TrainingRun.open(options, QUIET)) {
            return run.train(List.of(stats -> {
                if (stats.step() == stopAfter) {
                    run.requestStop();
                }
            }));
        }
    }

    @Test
    void accumulationGivesTheTrajectoryOfTheWholeBatch() throws IOException {
        List<List<Double>> losses = new ArrayList<>();
        for (int parts : new int[] {1, 16}) {
            Path out = directory.resolve("accumulate" + parts);
            train(SmallRun.options(text, out).batchSize(16).accumulate(parts), Long.MAX_VALUE);
            losses.add(MetricsFile.read(out.resolve("metrics.jsonl")).stream().map(Metric::loss).toList());
        }
        for (int step = 0; step < losses.getFirst().size(); step++) {
            assertEquals(losses.get(0).get(step), losses.get(1).get(step), 1e-4, "logged step " + step);
        }
    }

    /** What does not depend on the clock. */
    private static List<List<Object>> timeless(Path run) throws IOException {
        return MetricsFile.read(run.resolve("metrics.jsonl")).stream().<List<Object>>map(metric ->
                List.of(metric.step(), metric.tokens(), metric.loss(), metric.lr(), metric.gradNorm(),
                        metric.evalLoss())).toList();
    }

    private static void assertSameResult(Path run) throws IOException {
        for (String file : List.of("model/model.safetensors", "checkpoint/model.safetensors",
                "checkpoint/optimizer.safetensors")) {
            assertArrayEquals(Files.readAllBytes(straight.resolve(file)), Files.readAllBytes(run.resolve(file)), file);
        }
        assertEquals(timeless(straight), timeless(run));
    }

    @Test
    void theDirectoryHoldsEverythingThatWasPromised() {
        for (String file : List.of("config.json", "metrics.jsonl", "loss.png", "tokenizer.json", "checkpoint/model.safetensors",
                "checkpoint/optimizer.safetensors", "checkpoint/state.json", "model/model.safetensors", "model/config.json",
                "model/tokenizer.json")) {
            assertTrue(Files.isRegularFile(straight.resolve(file)), file);
        }
    }

    @Test
    void trainingLowersTheValidationLoss() throws IOException {
        List<Metric> metrics = MetricsFile.read(straight.resolve("metrics.jsonl"));
        List<Double> evaluated = metrics.stream().filter(m -> m.evalLoss().isPresent()).map(m ->
                m.evalLoss().getAsDouble()).toList();
        assertEquals(4, evaluated.size());
        assertTrue(evaluated.getLast() < evaluated.getFirst() - 0.1, () -> evaluated.toString());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 8, 13, 39})
    void aRunThatWasStoppedAndResumedGivesTheSameBits(long stop) throws IOException {
        Path run = directory.resolve("stopped-" + stop);
        assertEquals(StopReason.STOP_REQUESTED, train(SmallRun.options(text, run), stop).reason());
        assertFalse(Files.exists(run.resolve("model")), "a model before the end");

        assertEquals(StopReason.FINISHED, train(TrainingOptions.into(run).resume(true).threads(1), Long.MAX_VALUE).reason());

        assertSameResult(run);
    }

    @Test
    void recomputingActivationsGivesTheSameBits() throws IOException {
        Path run = directory.resolve("recomputed");
        train(SmallRun.options(text, run).recompute(true), Long.MAX_VALUE);
        assertSameResult(run);
    }

    @Test
    void recomputationMayBeginAndEndWhileARunGoesOn() throws IOException {
        Path run = directory.resolve("sometimes");
        train(SmallRun.options(text, run), 10);
        train(TrainingOptions.into(run).resume(true).recompute(true), 10);
        try (TrainingRun kept = TrainingRun.open(TrainingOptions.into(run).resume(true), QUIET)) {
            assertTrue(kept.memory().choice().recompute(), "the last choice stays");
        }
        train(TrainingOptions.into(run).resume(true).recompute(false), Long.MAX_VALUE);
        assertSameResult(run);
    }

    @Test
    void metricsAfterTheCheckpointAreWrittenAgain() throws IOException {
        Path run = directory.resolve("crashed");
        train(SmallRun.options(text, run), 13);
        String later = "{\"step\":20,\"tokens\":320,\"loss\":1,\"lr\":1,\"grad_norm\":1,\"tokens_per_second\":1,"
                + "\"elapsed_seconds\":1}\n";
        Path metrics = run.resolve("metrics.jsonl");
        Files.writeString(metrics, Files.readString(metrics) + later + "{\"step\":21,\"tok");

        train(TrainingOptions.into(run).resume(true).threads(1), Long.MAX_VALUE);

        assertSameResult(run);
    }

    @Test
    void resumingNeedsNoTextButThePreparedOne() throws IOException {
        Path copy = Files.copy(text, directory.resolve("copy.txt"));
        Path run = directory.resolve("textless");
        train(SmallRun.options(copy, run), 20);
        Files.delete(copy);

        train(TrainingOptions.into(run).resume(true).threads(1), Long.MAX_VALUE);

        assertSameResult(run);
    }

    @Test
    void aFinishedRunIsFinishedAtOnceWhenResumed() throws IOException {
        TrainingRun.Result result = train(TrainingOptions.into(straight).resume(true).threads(1), Long.MAX_VALUE);
        assertEquals(StopReason.FINISHED, result.reason());
        assertTrue(result.last().isEmpty());
    }

    @Test
    void theBeginningIsKeptIfTheFirstCheckpointIsMissing() throws IOException {
        Path run = directory.resolve("early");
        train(SmallRun.options(text, run).checkpointEvery(0L), 3);
        for (String file : List.of("model.safetensors", "optimizer.safetensors", "state.json")) {
            Files.delete(run.resolve("checkpoint").resolve(file));
        }
        Files.delete(run.resolve("checkpoint"));

        train(TrainingOptions.into(run).resume(true).checkpointEvery(8L).threads(1), Long.MAX_VALUE);

        assertSameResult(run);
    }

    @Test
    void optionsThatSayTheSameAreAcceptedWhenResuming() throws IOException {
        Path run = directory.resolve("same");
        train(SmallRun.options(text, run), 5);
        assertEquals(StopReason.FINISHED, train(SmallRun.options(text, run).resume(true), Long.MAX_VALUE).reason());
        assertSameResult(run);
    }

    private static void assertTaken(TrainingOptions options) {
        String message = assertThrows(IOException.class, () -> train(options, 0)).getMessage();
        assertTrue(message.contains("another run is training in " + options.out), message);
    }

    @Test
    void aDirectoryTakesOneRunAtATime() throws IOException {
        Path run = directory.resolve("taken");
        CorpusProgress whilePreparing = (stage, done, total) -> assertTaken(SmallRun.options(text, run));
        try (TrainingRun _ = TrainingRun.open(SmallRun.options(text, run), whilePreparing)) {
            assertTaken(TrainingOptions.into(run).resume(true));
        }
        train(TrainingOptions.into(run).resume(true).threads(1), Long.MAX_VALUE);
        assertSameResult(run);
    }

    private static void assertContradiction(String option, String asked, String stored, UnaryOperator<TrainingOptions> change) {
        TrainingOptions options = change.apply(TrainingOptions.into(straight).resume(true));
        String message = assertThrows(UsageException.class, () -> train(options, 0), option).getMessage();
        for (String part : List.of(option, " " + asked, " " + stored)) {
            assertTrue(message.contains(part), () -> "'" + part + "' in: " + message);
        }
    }

    @Test
    void optionsThatContradictTheRunAreRefusedWithBothValues() {
        assertContradiction("--lr", "0.5", "0.008", o -> o.lr(0.5));
        assertContradiction("--dim", "32", "16", o -> o.dim(32));
        assertContradiction("--layers", "2", "1", o -> o.layers(2));
        assertContradiction("--heads", "4", "2", o -> o.heads(4));
        assertContradiction("--seq-len", "8", "16", o -> o.seqLen(8));
        assertContradiction("--preset tiny: layers", "4", "1", o -> o.preset("tiny"));
        assertContradiction("--tokenizer", "bpe", "byte", o -> o.tokenizer("bpe"));
        assertContradiction("--steps", "41", "40", o -> o.steps(41L));
        assertContradiction("--tokens", "656", "640", o -> o.tokens(660L));
        assertContradiction("--batch-size", "2", "1", o -> o.batchSize(2));
        assertContradiction("--optimizer", "sgd", "adamw", o -> o.optimizer(OptimizerKind.SGD));
        assertContradiction("--beta1", "0.8", "0.9", o -> o.beta1(0.8));
        assertContradiction("--beta2", "0.95", "HalfLife[tokens=224.0]", o -> o.beta2(0.95));
        assertContradiction("--beta2-half-life", "5000.0", "224.0", o -> o.beta2HalfLife(5000.0));
        assertContradiction("--weight-decay", "0.1", "0.0", o -> o.weightDecay(0.1));
        assertContradiction("--clip-norm", "1.0", "none", o -> o.clipNorm(1.0));
        assertContradiction("--schedule", "CONSTANT", "COSINE", o -> o.schedule(ScheduleKind.CONSTANT));
        assertContradiction("--warmup-frac", "0.5", "0.05", o -> o.warmupFraction(0.5));
        assertContradiction("--seed", "3", "0", o -> o.seed(3L));
        assertContradiction("--glob", "*.md", "none", o -> o.glob("*.md"));
        assertContradiction("--data", "[", "[", o -> o.data(Path.of("elsewhere.txt")));
        assertContradiction("validation fraction", "0.5", "0.1", o -> o.validationFraction(0.5));
        assertContradiction("--vocab-size", "300", "256", o -> o.vocabularySize(300));
        assertContradiction("--stable-embedding", "true", "false", o -> o.stableEmbedding(true));
        assertContradiction("--dtype", "BF16", "F32", o -> o.dtype(DType.BF16));
        assertContradiction("--rounding", "STOCHASTIC", "none", o -> o.rounding(Rounding.STOCHASTIC));
        assertContradiction("--seconds", "5.0", "640 tokens", o -> o.seconds(5.0));
        assertContradiction("--batch-size", "adaptive", "1", o -> o.adaptiveBatch(null, new RunConfig.Growth(null, null, null, null)));
        assertContradiction("--accumulate", "2", "1", o -> o.accumulate(2));
        assertContradiction("--accumulate-by", "TOKEN", "none", o -> o.accumulateBy(Accumulation.Weighting.TOKEN));
        assertContradiction("--set ema", "0.9", "0", o -> o.set("ema", 0.9));
    }

    @Test
    void anAverageOfWeightsIsNotGivenUpWhenResuming() throws IOException {
        Path run = directory.resolve("averaged");
        train(SmallRun.options(text, run).set("ema", 0.9), 1);
        String message = assertThrows(UsageException.class,
                () -> train(TrainingOptions.into(run).resume(true).set("ema", 0), 0)).getMessage();
        assertTrue(message.contains("--set ema 0 contradicts") && message.contains("has 0.9"), message);
    }

    @Test
    void changedDataAreRefusedWhenResuming() throws IOException {
        Path run = directory.resolve("changed");
        train(SmallRun.options(text, run), 5);
        Path other = directory.resolve("other");
        train(SmallRun.options(SmallRun.text(Files.createDirectory(directory.resolve("longer")), 7000), other), 1);
        for (String file : List.of("train.bin", "valid.bin", "corpus.json")) {
            Files.write(run.resolve("data").resolve(file), Files.readAllBytes(other.resolve("data").resolve(file)));
        }
        String message = assertThrows(IOException.class, () -> train(TrainingOptions.into(run).resume(true), 0)).getMessage();
        assertTrue(message.contains("6302 and 700") && message.contains("5401 and 600"), message);
    }

    @Test
    void preparedTextIsUsedAgainAfterAMistakeInAnOption() throws IOException {
        Path run = directory.resolve("second-try");
        assertThrows(IllegalStateException.class, () -> train(SmallRun.options(text, run).backend("quantum"), 0));
        assertFalse(Files.exists(run.resolve("config.json")));
        train(SmallRun.options(text, run), 1);
    }

    @Test
    void divergenceStopsAndKeepsTheLastGoodCheckpoint() throws IOException {
        Path run = directory.resolve("diverged");
        train(SmallRun.options(text, run).lr(1e30).optimizer(OptimizerKind.SGD).warmupFraction(0.9), 1);
        byte[] good = Files.readAllBytes(run.resolve("checkpoint/model.safetensors"));

        NonFiniteLossException e = assertThrows(NonFiniteLossException.class, () ->
                train(TrainingOptions.into(run).resume(true), 0));

        assertTrue(e.getMessage().contains("lower learning rate"), e.getMessage());
        assertArrayEquals(good, Files.readAllBytes(run.resolve("checkpoint/model.safetensors")));
    }

    @Test
    void aLossAboveThatOfTheUntrainedModelIsAWarning() throws IOException {
        Path run = directory.resolve("absurd");
        train(SmallRun.options(text, run).lr(1000.0).optimizer(OptimizerKind.MUON).set("matrix-lr", 50), 39);
        double before = MetricsFile.read(run.resolve("metrics.jsonl")).getFirst().loss();

        String warning = train(TrainingOptions.into(run).resume(true), Long.MAX_VALUE).warning().orElseThrow();

        for (String part : List.of("the validation loss, ", "that of the untrained model, " + "%.3f".formatted(before),
                "--lr 1000.0 and --set matrix-lr=50", "--warmup-frac 0.05")) {
            assertTrue(warning.contains(part), () -> "'" + part + "' in: " + warning);
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-12, 0.008})
    void aRunThatLearnsLittleOrMuchIsNoneToWarnOf(double lr) throws IOException {
        TrainingOptions options = SmallRun.options(text, directory.resolve("fine-" + lr)).lr(lr).evalEvery(0L);
        assertEquals(Optional.empty(), train(options, Long.MAX_VALUE).warning());
    }

    @Test
    void aRunOfSomeSecondsFixesItsStepsBeforeItBegins() throws IOException {
        Path run = directory.resolve("timed");
        TrainingOptions options = TrainingOptions.into(run).data(text).layers(1).dim(16).heads(2).seqLen(16).seconds(1.0)
                .threads(1);
        TrainingRun.Result result = train(options, Long.MAX_VALUE);
        assertEquals(StopReason.FINISHED, result.reason());
        RunConfig config = RunConfigJson.read(run.resolve("config.json"));
        assertEquals(config.steps(), result.last().orElseThrow().step());
        assertEquals(Decay.HalfLife.ofSecondMoment(config.tokens(), config.tokensPerStep()), config.update().beta2());
    }

    @Test
    void sgdKeepsNoState() throws IOException {
        Path run = directory.resolve("sgd");
        train(SmallRun.options(text, run).optimizer(OptimizerKind.SGD), 1);
        assertEquals(0, RunConfigJson.read(run.resolve("config.json")).update().beta1());
        assertTrue(Files.size(run.resolve("checkpoint/optimizer.safetensors")) < 100);
    }

    @Test
    void theHalfLifeOfAShortRunIsFourteenUpdates() throws IOException {
        RunConfig config = RunConfigJson.read(straight.resolve("config.json"));
        assertEquals(new Decay.HalfLife(14 * config.tokensPerStep()), config.update().beta2());
    }

    @Test
    void aModelWritesAndJudgesText() throws IOException {
        try (Backend backend = Backends.open("auto", new BackendOptions(1));
                TrainedModel model = TrainedModel.load(straight, backend)) {
            StringBuilder parts = new StringBuilder();
            String written = model.generate("the mill", 20, new Sampler(0.8, 0, 1, 1), parts::append);
            assertEquals(written, parts.toString());
            TextLoss loss = model.evaluate(Corpus.of(List.of(text), null), done -> { });
            assertEquals(Files.size(text), loss.bytes());
            assertTrue(loss.perToken() < Math.log(256) && loss.perToken() > 0.5, () -> loss.toString());
            assertEquals(loss.perToken() / Math.log(2) * loss.tokens() / loss.bytes(), loss.bitsPerByte(), 1e-12);
        }
    }

    @Test
    void aCheckpointIsAModelToo() throws IOException {
        Path run = directory.resolve("half");
        train(SmallRun.options(text, run), 20);
        try (Backend backend = Backends.open("auto", new BackendOptions(1))) {
            for (Path path : List.of(run, run.resolve("checkpoint"))) {
                try (TrainedModel model = TrainedModel.load(path, backend)) {
                    assertTrue(model.origin().endsWith("of step 20"), model.origin());
                    assertEquals(1, model.config().layers());
                }
            }
        }
    }
}
