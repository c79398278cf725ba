package dev.smallbatch.model.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.model.run.MetricsFile;
import dev.smallbatch.model.run.SmallRun;
import dev.smallbatch.optim.batch.BatchController;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The command line as a process: signals, kills, limits of the system. */
@EnabledOnOs({OS.LINUX, OS.MAC})
class ProcessesTest {
    private static final long SEED = 20_250_707;
    private static final int KILLS = 3;
    private static final String STEPS = "150";

    @TempDir
    static Path directory;
    private static Path text;
    private static Path straight;

    @BeforeAll
    static void trainWithoutStopping() throws IOException {
        text = SmallRun.text(directory, 6000);
        straight = directory.resolve("straight");
        Invocation.of(arguments(straight)).requireSuccess();
    }

    private static List<String> arguments(Path out) {
        return List.of("train", "--data", text.toString(), "--out", out.toString(), "--layers", "1", "--dim", "16", "--heads",
                "2",
                "--seq-len", "16", "--tokenizer", "byte", "--steps", STEPS, "--eval-every", "50", "--checkpoint-every", "3",
                        "--backend", "scalar",
                "--threads", "1");
    }

    private static List<String> resume(Path out) {
        return List.of("train", "--out", out.toString(), "--resume", "--backend", "scalar", "--threads", "1");
    }

    /** A running command and what it prints. */
    private record Running(Process process, Path out, Path err) {
        String errors() throws IOException {
            return Files.readString(err);
        }

        int await() throws InterruptedException {
            assertTrue(process.waitFor(2, TimeUnit.MINUTES), "the process hangs");
            return process.exitValue();
        }
    }

    private static Running start(String shellPrefix, List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of("bash", "-c", shellPrefix + "exec \"$@\"", "bash",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + Path.of(System.getProperty("smallbatch.root"), "etc", "jvm.options"), "-Xmx256m",
                "-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(arguments);
        Path out = Files.createTempFile(directory, "out", ".txt");
        Path err = Files.createTempFile(directory, "err", ".txt");
        ProcessBuilder builder = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"));
        return new Running(builder.start(), out, err);
    }

    /** Waits until the run has logged that many lines. */
    private static void awaitLines(Running running, Path run, long lines) throws IOException, InterruptedException {
        Path metrics = run.resolve("metrics.jsonl");
        while (running.process.isAlive() && (!Files.exists(metrics) || MetricsFile.read(metrics).size() < lines)) {
            Thread.onSpinWait();
            running.process.waitFor(5, TimeUnit.MILLISECONDS);
        }
        assertTrue(running.process.isAlive(), () -> {
            try {
                return "ended early: " + running.errors();
            } catch (IOException e) {
                return e.toString();
            }
        });
    }

    private static void assertSameResult(Path run, String when) throws IOException {
        for (String file : List.of("model/model.safetensors", "checkpoint/optimizer.safetensors")) {
            assertArrayEquals(Files.readAllBytes(straight.resolve(file)), Files.readAllBytes(run.resolve(file)), file + when);
        }
        assertEquals(losses(straight), losses(run), "losses" + when);
    }

    private static List<Double> losses(Path run) throws IOException {
        return MetricsFile.read(run.resolve("metrics.jsonl")).stream().map(metric -> metric.loss()).toList();
    }

    @Test
    void aKilledRunGoesOnWithTheSameBits() throws Exception {
        Path run = directory.resolve("killed");
        RandomKey key = RandomKey.of(SEED).fork("kills");
        String when = " with seed " + SEED;
        for (int kill = 0; kill < KILLS; kill++) {
            boolean begun = Files.exists(run.resolve("config.json"));
            long before = begun ? MetricsFile.read(run.resolve("metrics.jsonl")).size() : 0;
            Running running = start("", begun ? resume(run) : arguments(run));
            awaitLines(running, run, Math.max(1, before + (long) (key.uniform(2 * kill) * 30)));
            running.process.waitFor((long) (key.uniform(2 * kill + 1) * 30), TimeUnit.MILLISECONDS);
            running.process.destroyForcibly();
            assertEquals(137, running.await(), running.errors() + when);
            Invocation.of("inspect", run.toString()).requireSuccess();
        }
        assertFalse(Files.exists(run.resolve("model")), "the run ended before it was killed" + when);

        Invocation.of(resume(run)).requireSuccess();

        assertSameResult(run, when);
    }

    @Test
    void aKilledRunWhoseBatchGrowsGoesOnWithTheSameBits() throws Exception {
        Path whole = directory.resolve("growing");
        Invocation.of(growing(whole)).requireSuccess();
        Path run = directory.resolve("growing-killed");
        for (int kill = 0; kill < 2; kill++) {
            boolean begun = Files.exists(run.resolve("metrics.jsonl"));
            Running running = start("", begun ? resume(run) : growing(run));
            awaitLines(running, run, begun ? MetricsFile.read(run.resolve("metrics.jsonl")).size() + 10 : 30);
            running.process.destroyForcibly();
            assertEquals(137, running.await(), running.errors());
            BatchController.State batch = CheckpointStore.read(run.resolve("checkpoint")).batch();
            assertTrue(batch.batchSize() > 2 && batch.batchSize() < 512, "killed at " + batch);
        }

        Invocation.of(resume(run)).requireSuccess();

        for (String file : List.of("model/model.safetensors", "checkpoint/model.safetensors", "checkpoint/optimizer.safetensors",
                "checkpoint/state.json")) {
            assertArrayEquals(Files.readAllBytes(whole.resolve(file)), Files.readAllBytes(run.resolve(file)), file);
        }
        assertEquals(losses(whole), losses(run));
    }

    private static List<String> growing(Path out) {
        List<String> arguments = new ArrayList<>(arguments(out));
        arguments.set(arguments.indexOf("--steps"), "--tokens");
        arguments.set(arguments.indexOf(STEPS), "60k");
        arguments.addAll(List.of("--batch-size", "adaptive", "--batch-max", "512", "--batch-test", "norm:eta=0.6"));
        return arguments;
    }

    private static void signal(Running running, String signal) throws IOException, InterruptedException {
        assertEquals(0, new ProcessBuilder("kill", "-" + signal, Long.toString(running.process.pid())).start().waitFor());
    }

    @Test
    void aRunBelongsToOneProcessUntilThatIsGone() throws Exception {
        Path run = directory.resolve("shared");
        Running running = start("", arguments(run));
        awaitLines(running, run, 20);
        signal(running, "STOP");

        Invocation.of(resume(run)).requireFailure(1, "another run is training in " + run, "stop it", "another --out");

        running.process.destroyForcibly();
        assertEquals(137, running.await(), running.errors());
        Invocation.of(resume(run)).requireSuccess();
        assertSameResult(run, " after another process had it");
    }

    private static void assertStopsCleanly(String signal, int exit) throws Exception {
        Path run = directory.resolve("signal-" + signal);
        Running running = start("", arguments(run));
        awaitLines(running, run, 20);
        signal(running, signal);

        assertEquals(exit, running.await(), running.errors());
        assertTrue(running.errors().contains("stopping: this step is finished"), running.errors());
        String said = Files.readString(running.out);
        assertTrue(said.contains("the checkpoint is written") && said.contains(" train --out " + run + " --resume"), said);

        Invocation.of(resume(run)).requireSuccess();
        assertSameResult(run, " after " + signal);
    }

    @Test
    void anInterruptWritesACheckpointAndSaysHowToGoOn() throws Exception {
        assertStopsCleanly("INT", 130);
    }

    @Test
    void aRequestToTerminateDoesTheSame() throws Exception {
        assertStopsCleanly("TERM", 143);
    }

    /** A limit of file sizes stands for a full disk: a write of the checkpoint fails in the middle. */
    @Test
    void aWriteThatFailsIsExitCodeOneAndKeepsTheCheckpoint() throws Exception {
        Path run = directory.resolve("limited");
        Running first = start("", arguments(run));
        awaitLines(first, run, 20);
        first.process.destroy();
        assertEquals(143, first.await(), first.errors());
        byte[] good = Files.readAllBytes(run.resolve("checkpoint/state.json"));

        Running second = start("ulimit -f 40; ", resume(run));

        assertEquals(1, second.await(), second.errors());
        String line = second.errors().lines().filter(l -> l.startsWith("smallbatch: ")).findFirst().orElse(second.errors());
        assertTrue(line.contains("cannot be saved, the checkpoint before it is unchanged"), line);
        assertArrayEquals(good, Files.readAllBytes(run.resolve("checkpoint/state.json")));
        Invocation.of(resume(run)).requireSuccess();
        assertSameResult(run, " after a failed write");
    }
}
