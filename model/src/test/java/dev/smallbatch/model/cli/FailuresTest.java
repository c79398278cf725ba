package dev.smallbatch.model.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.model.run.SmallRun;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Bad input and faults: the exit code, and one line that says what is wrong and what to do. */
@ExtendWith(LeakCheck.class)
class FailuresTest {
    @TempDir
    static Path directory;
    private static Path text;
    private static Path finished;
    private static int runs;
    private Path out;

    @BeforeAll
    static void trainOnce() throws IOException {
        text = SmallRun.text(directory, 6000);
        finished = directory.resolve("finished");
        Invocation.of(SmallRun.arguments(text, finished)).requireSuccess();
    }

    @BeforeEach
    void chooseDirectory() {
        out = directory.resolve("out-" + runs++);
    }

    private Invocation train(String... more) {
        return train(text, more);
    }

    private Invocation train(Path data, String... more) {
        List<String> arguments = new ArrayList<>(List.of("train", "--data", data.toString(), "--out", out.toString(),
                "--threads", "1"));
        arguments.addAll(List.of(more));
        return Invocation.of(arguments);
    }

    private Invocation smallRun(String... more) {
        List<String> arguments = new ArrayList<>(SmallRun.arguments(text, out));
        arguments.addAll(List.of(more));
        return Invocation.of(arguments);
    }

    private static Path file(String name, byte[] content) throws IOException {
        return Files.write(directory.resolve(name), content);
    }

    /** A copy of the finished run, to be damaged. */
    private Path copy() throws IOException {
        try (Stream<Path> files = Files.walk(finished)) {
            for (Path file : files.toList()) {
                Files.copy(file, out.resolve(finished.relativize(file).toString()));
            }
        }
        return out;
    }

    @Test
    void wrongUsageIsExitCodeTwo() {
        Invocation.of().requireFailure(2, "a command is missing", "--help");
        Invocation.of("trian").requireFailure(2, "'trian'", "did you mean", "train");
        Invocation.of("train").requireFailure(2, "--out", "./smallbatch train --help");
        train("--learning-rate", "1").requireFailure(2, "--learning-rate");
        train("--steps", "many").requireFailure(2, "--steps", "'many' is not a number");
        train("--steps", "1.5").requireFailure(2, "'1.5' is not a whole number");
        train("--lr", "1", "--steps", "5", "--steps", "6").requireFailure(2, "--steps", "only once");
        train("--steps=5", "--seed", "1", "--steps", "6").requireFailure(2, "--steps", "only once");
        train("--batch-size", "adaptve").requireFailure(2, "--batch-size", "'adaptve' is not a number");
        train("--batch-max", "8").requireFailure(2, "belong to --batch-size adaptive");
        train("--batch-size", "4", "--lr-scaling", "sqrt").requireFailure(2, "belong to --batch-size adaptive", "its own --lr");
        train("--batch-size", "adaptive", "--lr-scaling", "cubic").requireFailure(2, "'cubic'; it is none, observed, sqrt");
        train("--batch-size", "adaptive", "--batch-test", "norm:nu=1").requireFailure(2, "'norm:nu=1'; it is norm:eta=1");
        train("--batch-size", "adaptive", "--batch-test", "norm:eta=0").requireFailure(2, "eta 0.0; a positive number");
        train("--optimizer", "shampoo").requireFailure(2, "--optimizer", "shampoo", "adafactor, muon");
        Invocation.of("generate", "--model", finished.toString(), "--temperature", "-1").requireFailure(2, "temperature -1");
        Invocation.of("generate", "--model", finished.toString(), "--max-tokens", "-1").requireFailure(2, "--max-tokens -1");
        Invocation.of("demo", "--seconds", "0").requireFailure(2, "--seconds 0");
    }

    @Test
    void contradictionsAndImpossibleDimsAreExitCodeTwoAndLeaveNothingBehind() {
        train("--beta2", "0.95", "--beta2-half-life", "1M").requireFailure(2, "--beta2 0.95", "--beta2-half-life 1000000");
        train("--dim", "100", "--heads", "3").requireFailure(2, "dim 100 does not split into 3 heads");
        train("--layers", "0").requireFailure(2, "layers is 0");
        train("--vocab-size", "10").requireFailure(2, "--vocab-size 10", "257");
        train("--tokens", "1M", "--steps", "5").requireFailure(2, "--tokens, --steps");
        train("--batch-size", "adaptive", "--steps", "5").requireFailure(2, "--steps with --batch-size adaptive", "--tokens");
        train("--vocab-size", "2G").requireFailure(2, "--vocab-size");
        train("--layers", "2000000000").requireFailure(2, "2000000000 layers are too many");
        train("--batch-size", "1G").requireFailure(2, "--batch-size 1000000000");
        train("--steps", "9223372036854775807").requireFailure(2, "too many", "lower --steps");
        train("--threads", "1M").requireFailure(2, "--threads");
        train("--backend", "none").requireFailure(2, "--backend none", "computes nothing");
        Invocation.of("generate", "--model", finished.toString(), "--backend", "none").requireFailure(2, "computes nothing");
        train("--batch-size", "0").requireFailure(2, "--batch-size 0");
        train("--glob", "[").requireFailure(2, "not a glob");
        assertFalse(Files.exists(out.resolve("config.json")));
    }

    @Test
    void missingDataIsExitCodeOne() {
        train(directory.resolve("nowhere.txt")).requireFailure(1, "nowhere.txt does not exist", "check the path");
        train(directory, "--glob", "*.nothing").requireFailure(1, "*.nothing", "check the path and the glob");
    }

    @Test
    void binaryEmptyAndShortDataAreExitCodeOne() throws IOException {
        byte[] zeros = new byte[5000];
        zeros[0] = 'a';
        train(file("binary.bin", zeros)).requireFailure(1, "binary.bin");
        train(file("latin1.txt", "caf\u00e9 au lait".getBytes(StandardCharsets.ISO_8859_1))).requireFailure(1, "latin1.txt",
                "UTF-8");
        train(file("empty.txt", new byte[0])).requireFailure(1, "empty.txt", "empty");
        train(file("short.txt", "too short".getBytes(StandardCharsets.UTF_8))).requireFailure(1, "9 tokens",
                "give more text or lower --seq-len");
    }

    @Test
    void aDirectoryInUseIsNotTouched() throws IOException {
        Invocation.of(SmallRun.arguments(text, finished)).requireFailure(2, "there is a run in", "--resume", "--out");
        Path photos = Files.createDirectory(directory.resolve("photos"));
        Files.writeString(photos.resolve("cat.jpg"), "cat");
        Invocation.of(SmallRun.arguments(text, photos)).requireFailure(2, "not empty", "cat.jpg", "another --out");
        try (Stream<Path> content = Files.list(photos)) {
            assertEquals(1, content.count());
        }
    }

    @Test
    void anUnwritableDirectoryIsExitCodeOne() throws IOException {
        Path plain = file("plain", new byte[] {1});
        Invocation.of(SmallRun.arguments(text, plain)).requireFailure(1, "plain", "choose another --out");
        Invocation.of(SmallRun.arguments(text, plain.resolve("below"))).requireFailure(1, "plain", "choose another --out");
        Path system = Path.of("/proc/run");
        if (Files.isDirectory(Path.of("/proc"))) {
            Invocation.of(SmallRun.arguments(text, system)).requireFailure(1, "/proc/run", "choose another --out");
        }
    }

    @Test
    void tooLittleMemoryIsSaidBeforeTrainingStarts() {
        train("--layers", "400", "--dim", "32k", "--heads", "64", "--seq-len", "64", "--tokenizer", "byte")
                .requireFailure(1, "too little memory", "GiB", "available", "--batch-size (1)", "--seq-len (64)", "--preset");
        assertFalse(Files.exists(out.resolve("config.json")));
    }

    @Test
    void divergenceNamesTheStepAndWhatToTry() {
        smallRun("--optimizer", "sgd", "--lr", "1e30", "--warmup-frac", "0").requireFailure(1, "step ", "is NaN",
                "lower learning rate",
                "longer warm-up", "clipping");
    }

    @Test
    void divergenceToALossThatIsFiniteIsAWarningAtTheEnd() {
        smallRun("--lr", "1000").requireSuccess().requireOut("warning     the validation loss", "training diverged", "--lr 1000.0");
    }

    @Test
    void anUnknownBackendListsThoseThereAre() {
        smallRun("--backend", "abacus").requireFailure(1, "backend abacus does not exist here", "vector, scalar");
    }

    @Test
    void thereMustBeARunToResume() {
        Invocation.of("train", "--out", out.toString(), "--resume").requireFailure(2, "there is no run in", "check --out");
        assertFalse(Files.exists(out));
    }

    @Test
    void contradictionsWhenResumingNameBothValues() {
        Invocation.of("train", "--out", finished.toString(), "--resume", "--lr", "0.1").requireFailure(2, "--lr 0.1", "0.008");
    }

    @Test
    void damagedCheckpointsAreRefusedAndKept() throws IOException {
        Path checkpoint = copy().resolve("checkpoint");
        Path weights = checkpoint.resolve("model.safetensors");
        byte[] good = Files.readAllBytes(weights);
        List<String> resume = List.of("train", "--out", out.toString(), "--resume");

        Files.write(weights, Arrays.copyOf(good, good.length - 1));
        Invocation.of(resume).requireFailure(1, "checkpoint", "model.safetensors", "bytes", "damaged");
        byte[] flipped = good.clone();
        flipped[good.length / 2] ^= 1;
        Files.write(weights, flipped);
        Invocation.of(resume).requireFailure(1, "checksum", "damaged");
        Invocation.of("inspect", checkpoint.toString()).requireFailure(1, "checksum", "damaged");
        Files.delete(weights);
        Invocation.of(resume).requireFailure(1, "model.safetensors is missing");
        Files.write(weights, good);
        Path state = checkpoint.resolve("state.json");
        String json = Files.readString(state);
        Files.writeString(state, json.replaceFirst("\"format\" : 1", "\"format\" : 9"));
        Invocation.of(resume).requireFailure(1, "format 9, this build reads 1..1", "newer build");
        Files.writeString(state, json);
        Invocation.of(resume).requireSuccess();
        assertArrayEquals(good, Files.readAllBytes(weights));
    }

    @Test
    void aCheckpointOfAnotherConfigurationIsRefusedWithBothValues() throws IOException {
        Path config = copy().resolve("config.json");
        Files.writeString(config, Files.readString(config).replaceFirst("\"lr\" : 0.008", "\"lr\" : 0.5"));
        Invocation.of("train", "--out", out.toString(), "--resume").requireFailure(1,
                "config.update.lr is 0.008 in the checkpoint, 0.5 in this run");
    }

    @Test
    void damagedRunFilesAreNamed() throws IOException {
        Path config = copy().resolve("config.json");
        String json = Files.readString(config);
        Files.writeString(config, json.substring(0, 50));
        Invocation.of("train", "--out", out.toString(), "--resume").requireFailure(1, "config.json", "damaged");
        Invocation.of("inspect", out.toString()).requireFailure(1, "config.json", "damaged");
        Files.writeString(config, json);
        Path shard = out.resolve("data/train.bin");
        byte[] tokens = Files.readAllBytes(shard);
        tokens[tokens.length - 1] ^= 1;
        Files.write(shard, tokens);
        Invocation.of("train", "--out", out.toString(), "--resume").requireFailure(1, "train.bin", "checksum");
    }

    @Test
    void modelsThatAreMissingOrDamagedAreNamed() throws IOException {
        Invocation.of("generate", "--model", directory.resolve("none").toString()).requireFailure(1, "none",
                "there is no such directory");
        Invocation.of("eval", "--model", directory.toString(), "--data", text.toString()).requireFailure(1, "holds no model");
        Invocation.of("inspect", directory.resolve("none").toString()).requireFailure(1, "does not exist");
        Path model = copy().resolve("model");
        Path tokenizer = model.resolve("tokenizer.json");
        Files.delete(tokenizer);
        Invocation.of("generate", "--model", model.toString()).requireFailure(1, "tokenizer.json");
        Files.write(model.resolve("model.safetensors"), new byte[] {1, 2, 3});
        Invocation.of("inspect", model.toString()).requireFailure(1, "model.safetensors", "3 bytes");
    }

    @Test
    void theStackTraceIsPrintedOnlyWhenAskedFor() {
        Invocation verbose = train(directory.resolve("nowhere.txt"), "--verbose");
        assertEquals(1, verbose.exit());
        assertTrue(verbose.err().contains("\tat dev.smallbatch."), verbose.err());
    }
}
