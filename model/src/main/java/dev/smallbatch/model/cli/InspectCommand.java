package dev.smallbatch.model.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.io.SafeTensorsHeader;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.gpt.ModelDirectory;
import dev.smallbatch.model.run.Metric;
import dev.smallbatch.model.run.MetricsFile;
import dev.smallbatch.model.run.RunDirectory;
import dev.smallbatch.optim.checkpoint.CheckpointState;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code inspect}: what is in a run, a checkpoint, a model or a file of tensors. Changes nothing. */
@Command(name = "inspect", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Shows what is in a run, a checkpoint, a model or a .safetensors file.",
        footer = {"", "Example:", "  smallbatch inspect run"})
final class InspectCommand implements Callable<Integer> {
    private static final int SPARKLINE_WIDTH = 60;

    private final Console console;

    @Parameters(paramLabel = "PATH", description = "Directory or file.")
    private Path path;

    InspectCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException {
        RunDirectory run = new RunDirectory(path);
        if (Files.isRegularFile(path)) {
            tensors(path);
        } else if (Files.exists(located(path).resolve(CheckpointStore.STATE))) {
            checkpoint(path, true);
        } else if (Files.exists(run.metrics()) || exists(run.checkpoint())) {
            run(run);
        } else if (Files.exists(located(path).resolve(ModelDirectory.WEIGHTS))) {
            model(path, true);
        } else if (run.holdsRun()) {
            console.row("run", path + ": prepared, but no step has been made");
            values("config", run.config());
        } else {
            throw new IOException(path + ": "
                    + (Files.exists(path) ? "neither a run, a checkpoint nor a model" : "does not exist")
                    + "; give one of these or a .safetensors file");
        }
        return 0;
    }

    private void run(RunDirectory run) throws IOException {
        console.row("run", run.root().toString());
        values("config", run.config());
        if (Files.exists(run.metrics())) {
            metrics(MetricsFile.read(run.metrics()));
        }
        if (exists(run.checkpoint())) {
            checkpoint(run.checkpoint(), false);
        }
        if (exists(run.model())) {
            model(run.model(), false);
        } else {
            console.row("model", "none yet; it is written when the run ends");
        }
    }

    private void metrics(List<Metric> metrics) {
        if (metrics.isEmpty()) {
            return;
        }
        Metric last = metrics.getLast();
        console.row("last", "step %,d, %s tokens, loss %.4f, lr %s, gradient norm %.3f, %s tokens/s, %s", last.step(),
                Format.count(last.tokens()), last.loss(), Format.number(last.lr()), last.gradNorm(),
                Format.count(last.tokensPerSecond()), Format.time(last.elapsedSeconds()));
        if (last.skipped() > 0) {
            console.row("skipped", "%,d steps, whose loss or gradients were not finite", last.skipped());
        }
        if (metrics.getFirst().batchTokens() < last.batchTokens()) {
            console.row("batches", "%,d to %,d tokens", metrics.getFirst().batchTokens(), last.batchTokens());
        }
        curve("loss", metrics.stream().map(Metric::loss).filter(Double::isFinite).toList());
        curve("validation", metrics.stream().filter(metric -> metric.evalLoss().isPresent())
                .map(metric -> metric.evalLoss().getAsDouble()).toList());
    }

    private void curve(String label, List<Double> values) {
        if (!values.isEmpty()) {
            console.row(label, "%s  %.3f to %.3f", Format.sparkline(values, SPARKLINE_WIDTH), values.getFirst(),
                    values.getLast());
        }
    }

    private void checkpoint(Path directory, boolean inFull) throws IOException {
        CheckpointState state = CheckpointStore.read(directory);
        console.row("checkpoint", "%s: step %,d, %s tokens, seed %d, by %s (%s); checksums are right", directory, state.step(),
                Format.count(state.tokens()), state.run().seed(), state.run().backend(), state.run().codeVersion());
        if (inFull) {
            values("config", state.run().config());
            try (var files = Files.newDirectoryStream(located(directory), "*.safetensors")) {
                for (Path file : files) {
                    tensors(file);
                }
            }
        }
    }

    private void model(Path directory, boolean inFull) throws IOException {
        GptConfig config = ModelDirectory.config(directory);
        console.row("model", "%s: %,d parameters, %,d of them active", directory, config.parameterCount(),
                config.activeParameterCount());
        if (inFull) {
            values("config", located(directory).resolve(ModelDirectory.CONFIG));
            tensors(located(directory).resolve(ModelDirectory.WEIGHTS));
        }
    }

    private void tensors(Path file) throws IOException {
        try (SafeTensors tensors = SafeTensors.open(file)) {
            var entries = tensors.header().entries().values();
            long bytes = entries.stream().mapToLong(SafeTensorsHeader.Entry::bytes).sum();
            long numbers = entries.stream().mapToLong(InspectCommand::numbers).sum();
            console.row("tensors", "%s: %d tensors, %,d numbers, %s", file, entries.size(), numbers, Format.bytes(bytes));
            tensors.metadata().forEach((name, value) -> console.row("", name + " = " + value));
            int width = entries.stream().mapToInt(entry -> entry.name().length()).max().orElse(0);
            for (SafeTensorsHeader.Entry entry : entries) {
                console.row("", "%-" + Math.max(1, width) + "s  %-4s  %-20s %12s", entry.name(), entry.dtype(), shape(entry),
                        Format.bytes(entry.bytes()));
            }
        }
    }

    private static long numbers(SafeTensorsHeader.Entry entry) {
        return entry.shape().stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
    }

    private static String shape(SafeTensorsHeader.Entry entry) {
        return entry.shape().stream().map(String::valueOf).collect(Collectors.joining(", ", "(", ")"));
    }

    private void values(String label, Path json) throws IOException {
        try {
            values(label, new JsonMapper().readTree(json.toFile()));
        } catch (JsonProcessingException e) {
            throw new IOException(json + ": damaged: not JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** One row for each object in it. */
    private void values(String label, JsonNode node) {
        String own = node.properties().stream().filter(member -> !member.getValue().isObject())
                .map(member -> member.getKey() + " " + text(member.getValue())).collect(Collectors.joining(", "));
        if (!own.isEmpty()) {
            console.row(label, "%s", own);
        }
        for (Map.Entry<String, JsonNode> member : node.properties()) {
            if (member.getValue().isObject()) {
                values("  " + member.getKey(), member.getValue());
            }
        }
    }

    private static String text(JsonNode value) {
        return value.isTextual() ? value.textValue() : value.toString();
    }

    private static boolean exists(Path directory) {
        return Files.isDirectory(located(directory));
    }

    /** Where a directory is that may just be being replaced. */
    private static Path located(Path directory) {
        try {
            return AtomicFiles.locate(directory);
        } catch (IOException none) {
            return directory;
        }
    }
}
