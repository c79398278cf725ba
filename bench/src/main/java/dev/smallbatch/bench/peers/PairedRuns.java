package dev.smallbatch.bench.peers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Runs two programs in turn, in an order that alternates from pair to pair, so that a machine's drift hits both alike. */
final class PairedRuns {
    /** Settings of the user's that would change what is measured. */
    private static final List<String> REMOVED_VARIABLES = List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH",
            "OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH");

    /** What must agree in the lines of both: the models, the optimizers, the products. */
    private static final List<String> SAME = List.of("item", "params", "opt", "m", "n", "k");

    private final ObjectMapper json = new ObjectMapper();
    private final Consumer<String> progress;

    /** @param progress is told what runs */
    PairedRuns(Consumer<String> progress) {
        this.progress = progress;
    }

    /**
     * Runs each program {@code pairs} times.
     *
     * @throws IOException if a program cannot be started or fails
     * @throws IllegalStateException if the two did different work
     */
    List<Pair> run(Comparison comparison, int pairs) throws IOException, InterruptedException {
        List<Pair> done = new ArrayList<>();
        for (int pair = 0; pair < pairs; pair++) {
            progress.accept("%s, pair %d of %d".formatted(comparison.title(), pair + 1, pairs));
            boolean firstRunsFirst = pair % 2 == 0;
            List<JsonNode> early = firstRunsFirst ? List.of() : runSecond(comparison);
            List<JsonNode> first = run(comparison.first());
            List<JsonNode> second = firstRunsFirst ? runSecond(comparison) : early;
            requireSameWork(comparison, first, second);
            addShareOfBestBandwidth(first, second);
            done.add(new Pair(firstRunsFirst, first, second));
        }
        return done;
    }

    private List<JsonNode> runSecond(Comparison comparison) throws IOException, InterruptedException {
        return comparison.second().isPresent() ? run(comparison.second().get()) : List.of();
    }

    /** One run; the lines that the program printed. */
    List<JsonNode> run(Contestant contestant) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(contestant.command()).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().keySet().removeAll(REMOVED_VARIABLES);
        double started = epochSeconds();
        Process process = builder.start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int exit = process.waitFor();
        if (exit != 0) {
            throw new IOException("peers: " + contestant.name() + " ended with exit code " + exit + ": " + contestant.shown());
        }
        List<JsonNode> lines = parse(out, started);
        lines.forEach(line -> progress.accept("    " + contestant.name() + " " + line));
        return lines;
    }

    /**
     * The objects among the lines of a program's output. One that says when its first step was done also gets the seconds
     * from the program's start until then.
     *
     * @param started seconds since 1970 when the program was started
     * @throws IOException if a line that starts as an object is none
     */
    List<JsonNode> parse(String out, double started) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String text : out.lines().filter(line -> line.startsWith("{")).toList()) {
            ObjectNode line = (ObjectNode) json.readTree(text);
            if (line.path("first_step_epoch_s").isNumber()) {
                line.put("first_step_s", line.get("first_step_epoch_s").doubleValue() - started);
            }
            lines.add(line);
        }
        if (lines.isEmpty()) {
            throw new IOException("peers: a program printed no line of JSON but '" + out + "'");
        }
        return lines;
    }

    /** To lines of generation: their speed as a share of what the larger bandwidth allows that either program measured. */
    static void addShareOfBestBandwidth(List<JsonNode> first, List<JsonNode> second) {
        for (int i = 0; i < first.size(); i++) {
            JsonNode line = first.get(i);
            if (line.has("weight_bytes_per_token")) {
                double rival = i < second.size() ? second.get(i).path("bandwidth_gb_s").doubleValue() : 0;
                double best = 1e9 * Math.max(line.path("bandwidth_gb_s").doubleValue(), rival);
                double bytes = line.path("weight_bytes_per_token").doubleValue();
                double tokensPerSecond = line.path("tokens_per_s_median").doubleValue();
                ((ObjectNode) line).put("share_of_best_bandwidth", bytes * tokensPerSecond / best);
            }
        }
    }

    private static double epochSeconds() {
        Instant now = Instant.now();
        return now.getEpochSecond() + 1e-9 * now.getNano();
    }

    private static void requireSameWork(Comparison comparison, List<JsonNode> first, List<JsonNode> second) {
        for (int i = 0; i < Math.min(first.size(), second.size()); i++) {
            for (String field : SAME) {
                JsonNode one = first.get(i).path(field);
                JsonNode other = second.get(i).path(field);
                if (!one.equals(other)) {
                    throw new IllegalStateException("peers: " + comparison.name() + ": " + field + " is " + one + " of "
                            + comparison.first().name() + " and " + other + " of its rival; both must do the same work");
                }
            }
        }
    }
}
