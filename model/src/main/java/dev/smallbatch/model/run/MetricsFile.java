package dev.smallbatch.model.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.optim.train.StepListener;
import dev.smallbatch.optim.train.StepStats;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/**
 * {@code metrics.jsonl}: a JSON object for each logged step, on disk as soon as it is known. When a run goes on, lines after its
 * checkpoint are dropped, so that no step appears twice. One thread.
 */
public final class MetricsFile implements StepListener, AutoCloseable {
    private static final JsonMapper JSON = new JsonMapper();

    private final Path file;
    private final BufferedWriter writer;
    private final double firstLoss;
    private final double elapsedBefore;
    private final long skippedBefore;

    private MetricsFile(Path file, BufferedWriter writer, List<Metric> before) {
        this.file = file;
        this.writer = writer;
        this.firstLoss = before.isEmpty() ? Double.NaN : before.getFirst().loss();
        this.elapsedBefore = before.isEmpty() ? 0 : before.getLast().elapsedSeconds();
        this.skippedBefore = before.isEmpty() ? 0 : before.getLast().skipped();
    }

    /** Opens the file for more lines, after cutting it back to {@code lastStep}. */
    static MetricsFile open(Path file, long lastStep) throws IOException {
        List<Metric> before = new ArrayList<>();
        if (Files.exists(file)) {
            read(file).stream().filter(metric -> metric.step() <= lastStep).forEach(before::add);
            AtomicFiles.writeText(file, before.stream().map(MetricsFile::line).collect(Collectors.joining()));
        }
        BufferedWriter writer = Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        return new MetricsFile(file, writer, before);
    }

    /** That of the line the file began with, of the first step; NaN if there was none. */
    double firstLoss() {
        return firstLoss;
    }

    /**
     * All complete lines. What a crash left of the last one is skipped.
     *
     * @throws IOException if there is no such file
     */
    public static List<Metric> read(Path file) throws IOException {
        List<Metric> metrics = new ArrayList<>();
        for (String line : new String(Files.readAllBytes(file), StandardCharsets.UTF_8).split("\n")) {
            try {
                JsonNode node = JSON.readTree(line);
                if (node.has("step") && node.has("elapsed_seconds")) {
                    metrics.add(metric(node));
                }
            } catch (JsonProcessingException e) {
                continue;
            }
        }
        return metrics;
    }

    private static Metric metric(JsonNode node) {
        return new Metric(node.path("step").asLong(), node.path("tokens").asLong(), node.path("batch_tokens").asLong(),
                node.path("loss").asDouble(Double.NaN),
                node.path("lr").asDouble(), node.path("grad_norm").asDouble(Double.NaN),
                node.path("tokens_per_second").asDouble(), node.path("elapsed_seconds").asDouble(),
                optional(node, "eval_loss"), optional(node, "win_rate"), node.path("skipped").asLong());
    }

    private static OptionalDouble optional(JsonNode node, String key) {
        return node.has(key) ? OptionalDouble.of(node.get(key).asDouble()) : OptionalDouble.empty();
    }

    private static String line(Metric metric) {
        ObjectNode node = JSON.createObjectNode()
                .put("step", metric.step())
                .put("tokens", metric.tokens())
                .put("batch_tokens", metric.batchTokens())
                .put("loss", finite(metric.loss()))
                .put("lr", metric.lr())
                .put("grad_norm", finite(metric.gradNorm()))
                .put("tokens_per_second", metric.tokensPerSecond())
                .put("elapsed_seconds", metric.elapsedSeconds());
        metric.evalLoss().ifPresent(loss -> node.put("eval_loss", loss));
        metric.winRate().ifPresent(rate -> node.put("win_rate", round(rate)));
        if (metric.skipped() > 0) {
            node.put("skipped", metric.skipped());
        }
        return node + "\n";
    }

    /** JSON has no other numbers. */
    private static Double finite(double value) {
        return Double.isFinite(value) ? value : null;
    }

    /** Writes a line if the step is logged. */
    @Override
    public void onStep(StepStats stats) {
        if (!stats.logged()) {
            return;
        }
        Metric metric = new Metric(stats.step(), stats.tokens(), stats.batchTokens(), stats.loss(), stats.lr(),
                stats.gradNorm().orElse(Double.NaN), round(stats.tokensPerSecond()),
                round(elapsedBefore + stats.elapsedSeconds()), stats.evalLoss(), stats.winRate(),
                skippedBefore + stats.skipped());
        try {
            writer.write(line(metric));
            writer.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(explained(e));
        }
    }

    /** Times beyond a millisecond are noise. */
    private static double round(double value) {
        return Math.round(value * 1000) / 1000.0;
    }

    private IOException explained(IOException failure) {
        boolean full = String.valueOf(failure.getMessage()).contains("No space left");
        return new IOException("writing " + file + ": " + (full ? "the disk is full; free some space and go on with --resume"
                : failure.getMessage()), failure);
    }

    @Override
    public void close() throws IOException {
        try {
            writer.close();
        } catch (IOException e) {
            throw explained(e);
        }
    }
}
