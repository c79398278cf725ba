package dev.smallbatch.model.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.model.run.SmallRun;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class CommandsTest {
    @TempDir
    static Path directory;
    private static Path text;
    private static Path run;
    private static Invocation training;

    @BeforeAll
    static void train() throws IOException {
        text = SmallRun.text(directory, 6000);
        run = directory.resolve("run");
        training = Invocation.of(SmallRun.arguments(text, run)).requireSuccess();
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "train", "eval", "generate", "inspect", "plan", "doctor"})
    void everyCommandExplainsItselfWithAnExample(String command) {
        Invocation help = Invocation.of(command, "--help").requireSuccess();
        help.requireOut("Usage: smallbatch " + command, "Example", "  smallbatch " + command);
        assertTrue(help.out().lines().allMatch(line -> line.length() <= 100), help.out());
    }

    @Test
    void theProgramListsItsCommandsAndItsVersion() {
        Invocation.of("--help").requireSuccess().requireOut("demo", "train", "eval", "generate", "inspect", "plan",
                "doctor");
        Invocation.of("--version").requireSuccess().requireOut("smallbatch ", "Java 25");
    }

    @Test
    void trainSaysWhatItChose() {
        training.requireOut("vocabulary  byte, 256 tokens", "1 layers, dim 16, 2 heads, sequences of 16: 11.3k parameters",
                "adamw, lr 0.008, beta1 0.9, beta2 0.", "(half-life 224 tokens), no weight decay",
                        "cosine, 5% warm-up; batches of 1 x 16 tokens",
                "40 steps, 640 tokens", "backend     vector", "memory      ", "to beat     unigrams ", "validation  loss ",
                        "bits per byte",
                "./smallbatch generate --model ", "./smallbatch inspect ");
    }

    @Test
    void trainSaysWhatItTakesAndWhatItWouldTakeOtherwise() {
        training.requireOut("memory      1", " KiB: weights 45 KiB, optimizer 89 KiB (8.09 bytes for each parameter), gradients not kept, activations ",
                " KiB; and the JVM about 144 MiB", "instead     --recompute 1", " KiB, --optimizer sgd ", " KiB, --batch-size 2 2",
                " KiB, --seq-len 8 1", " KiB, --seq-len 32 2");
    }

    @Test
    void trainShowsItsProgressInPlainLinesWhereNobodyWatches() {
        assertTrue(training.err().lines().anyMatch(line -> line.matches("step 40 of 40 +100% +loss .* tok/s +0:00 left")),
                training.err());
        assertTrue(training.err().chars().noneMatch(c -> c == '\r'), training.err());
    }

    @Test
    void everyOptionOfTrainIsTaken() throws IOException {
        Path out = directory.resolve("options");
        List<String> arguments = new ArrayList<>(List.of("train", "--data", text.toString(), text.toString(), "--glob", "*.txt",
                "--out",
                out.toString(), "--preset", "tiny", "--layers", "1", "--dim", "16", "--heads", "1", "--seq-len", "8",
                        "--vocab-size", "0.3k",
                "--tokenizer", "bpe", "--batch-size", "2", "--tokens", "0.16k", "--optimizer", "AdamW", "--lr", "1e-3",
                        "--beta1", "0.8",
                "--beta2-half-life", "4k", "--weight-decay", "0.1", "--warmup-frac", "0.2", "--schedule", "constant",
                        "--clip-norm", "1",
                "--recompute", "--seed", "5", "--eval-every", "0", "--checkpoint-every", "3", "--threads", "2", "--backend", "scalar"));
        Invocation.of(arguments).requireSuccess().requireOut("vocabulary  bpe, 300 tokens", "adamw, lr 0.001, beta1 0.8",
                "(half-life 4,000 tokens), weight decay 0.1, gradients clipped to 1",
                        "constant, 20% warm-up; batches of 2 x 8 tokens",
                "10 steps, 160 tokens", "3 steps a checkpoint, no evaluation", "backend     scalar: ");
        Invocation.of("inspect", out.toString()).requireSuccess().requireOut("seed 5", "beta2_half_life 4000.0");
    }

    @Test
    void settingsOfAnOptimizerAreTakenStoredAndKeptWhenTheRunGoesOn() {
        Path out = directory.resolve("settings");
        List<String> arguments = new ArrayList<>(SmallRun.arguments(text, out));
        arguments.addAll(List.of("--set", "matrix-lr=3e-3", "--optimizer", "muon", "--set", "beta=0.9"));
        Invocation.of(arguments).requireSuccess().requireOut("matrix-lr 0.003, beta 0.9, average plain");
        Invocation.of("inspect", out.toString()).requireSuccess().requireOut("muon_matrix_lr 0.003", "muon_beta 0.9");
        Invocation.of("train", "--out", out.toString(), "--resume", "--set", "beta=0.90").requireSuccess();
        Invocation.of("train", "--out", out.toString(), "--resume", "--set", "beta=0.5")
                .requireFailure(2, "--set beta 0.5 contradicts the run", "0.9");
        Invocation.of("train", "--out", out.toString(), "--resume", "--set", "power=0.5")
                .requireFailure(2, "--set power=0.5; --optimizer muon has no such setting");
    }

    @Test
    void accumulationSaysWhatItCostsOnOneDevice() {
        Path out = directory.resolve("accumulated");
        List<String> arguments = new ArrayList<>(SmallRun.arguments(text, out));
        arguments.addAll(List.of("--batch-size", "8", "--accumulate", "4", "--accumulate-by", "microbatch"));
        Invocation run = Invocation.of(arguments).requireSuccess();
        run.requireOut("accumulate  4 micro-batches of 2 make an update, each micro-batch counting equally; this keeps 44.4 KiB of"
                + " gradients, and the same tokens in batches of 2 would be 160 updates instead of 40", "gradients 44.4 KiB");
        assertTrue(!training.out().contains("accumulate "), "never a default: " + training.out());
        Invocation.of("train", "--out", out.toString(), "--resume", "--accumulate", "2")
                .requireFailure(2, "--accumulate 2 contradicts the run");
    }

    @Test
    void anExistingVocabularyIsTakenFromItsDirectory() {
        Path first = directory.resolve("first");
        Invocation.of("train", "--data", text.toString(), "--out", first.toString(), "--tokenizer", "bpe", "--vocab-size",
                "280", "--layers",
                "1", "--dim", "16", "--heads", "2", "--seq-len", "8", "--steps", "1").requireSuccess();
        Invocation.of("train", "--data", text.toString(), "--out", directory.resolve("second").toString(), "--tokenizer",
                first.toString(),
                "--layers", "1", "--dim", "16", "--heads", "2", "--seq-len", "8", "--steps",
                        "1").requireSuccess().requireOut("280 tokens");
    }

    @Test
    void aFinishedRunIsSaidToBeFinished() {
        Invocation.of("train", "--out", run.toString(), "--resume").requireSuccess().requireOut("already: all 40 steps were"
                + " done before");
    }

    @Test
    void generateWritesPromptAndContinuationAndNothingElse() {
        List<String> arguments = List.of("generate", "--model", run.toString(), "--prompt", "the mill", "--max-tokens", "20",
                "--seed", "3");
        Invocation plain = Invocation.of(arguments).requireSuccess();
        assertTrue(plain.out().startsWith("the mill"), plain.out());
        assertEquals("", plain.err());
        List<String> streaming = new ArrayList<>(arguments);
        streaming.add("--stream");
        assertEquals(plain.out(), Invocation.of(streaming).requireSuccess().out());
        assertEquals("the mill\n", Invocation.of("generate", "--model", run.toString(), "--prompt", "the mill", "--max-tokens",
                "0").out());
    }

    @Test
    void generateBeginsATextWithoutAPrompt() {
        Invocation.of("generate", "--model", run.resolve("model").toString(), "--max-tokens", "5", "--temperature", "0",
                "--top-k", "3",
                "--top-p", "0.9").requireSuccess();
    }

    @Test
    void evalSaysLossPerTokenAndPerByteAndPerplexity() {
        Invocation.of("eval", "--model", run.toString(), "--data", text.toString()).requireSuccess()
                .requireOut("6,0", "bytes", "nats per token", "bits", "perplexity");
    }

    @Test
    void inspectShowsARun() {
        Invocation.of("inspect", run.toString()).requireSuccess().requireOut("layers 1", "tokenizer byte", "lr 0.008", "step 40",
                "checksums are right", "11,264 parameters", "█");
    }

    @Test
    void inspectShowsCheckpointsModelsAndFilesOfTensors() {
        Invocation.of("inspect", run.resolve("checkpoint").toString()).requireSuccess()
                .requireOut("step 40, 640 tokens, seed 0, by vector", "head.weight", "head.weight/m", "(256, 16)");
        Invocation.of("inspect", run.resolve("model").toString()).requireSuccess().requireOut("11,264 parameters",
                "h.0.mlp.up.weight", "F32");
        Invocation.of("inspect", run.resolve("model/model.safetensors").toString()).requireSuccess().requireOut("6 tensors,"
                + " 11,264 numbers", "44 KiB");
    }

    @Test
    void doctorMeasuresThisMachine() {
        Invocation.of("doctor", "--threads", "1").requireSuccess().requireOut("java ", "compiler", "processors", "available",
                "vector   usable",
                "scalar   usable", "GFLOP/s", "GB/s", "advice");
    }

    @Test
    void demoTrainsOnATextAndShowsASample() {
        Path out = directory.resolve("demo");
        Invocation.of("demo", "--seconds", "2", "--data", text.toString(), "--out", out.toString()).requireSuccess()
                .requireOut("validation  loss ", "sample", "generate --model", "loss.png");
        assertTrue(Files.exists(out.resolve("model/model.safetensors")));
    }
}
