package dev.smallbatch.bench.peers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What was measured so far, as JSON with every single value and as tables in Markdown. */
final class Report {
    private final Map<String, String> setting;
    private final List<Entry> entries = new ArrayList<>();
    private final ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    /**
     * A comparison that was made.
     *
     * @param pairs its runs
     * @param outcomes what they say
     */
    record Entry(Comparison comparison, List<Pair> pairs, List<Outcome> outcomes) {
        /** Geometric means of the first metric's ratios: of all items, then of those that share a word. */
        Map<String, Double> geometricMeans() {
            Comparison.Metric metric = comparison.metrics().getFirst();
            List<Outcome> main = outcomes.stream().filter(outcome -> outcome.metric().equals(metric)).toList();
            Map<String, Double> means = new LinkedHashMap<>();
            if (main.size() < 2) {
                return means;
            }
            Outcome.geometricMean(main).ifPresent(mean -> means.put("all", mean));
            main.stream().flatMap(outcome -> List.of(outcome.item().split(" ")).stream()).distinct().forEach(word -> {
                List<Outcome> sharing = main.stream().filter(o -> List.of(o.item().split(" ")).contains(word)).toList();
                Outcome.geometricMean(sharing).ifPresent(mean -> means.put(word, mean));
            });
            return means;
        }
    }

    /** @param setting machine, versions and options, shown at the top */
    Report(Map<String, String> setting) {
        this.setting = new LinkedHashMap<>(setting);
    }

    /** Adds to what is shown at the top. */
    void note(String name, String value) {
        setting.put(name, value);
    }

    void add(Comparison comparison, List<Pair> pairs) {
        entries.add(new Entry(comparison, List.copyOf(pairs), Outcome.of(comparison, pairs)));
    }

    /** Writes {@code name.json} and {@code name.md}, over what was there. */
    void write(Path directory, String name) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve(name + ".json"), json() + "\n");
        Files.writeString(directory.resolve(name + ".md"), Markdown.of(name, setting, entries));
    }

    String json() throws IOException {
        ObjectNode root = json.createObjectNode();
        setting.forEach(root::put);
        ArrayNode all = root.putArray("comparisons");
        entries.forEach(entry -> entry(all.addObject(), entry));
        return json.writeValueAsString(root);
    }

    private static void entry(ObjectNode node, Entry entry) {
        Comparison comparison = entry.comparison;
        node.put("name", comparison.name()).put("title", comparison.title());
        node.put("first", comparison.first().name()).put("first_command", comparison.first().shown());
        Optional<Contestant> second = comparison.second();
        node.put("second", second.map(Contestant::name).orElse(null));
        node.put("second_command", second.map(Contestant::shown).orElse(null));
        ObjectNode means = node.putObject("geometric_mean_of_ratios");
        entry.geometricMeans().forEach(means::put);
        ArrayNode outcomes = node.putArray("outcomes");
        entry.outcomes.forEach(outcome -> outcome(outcomes.addObject(), outcome));
        ArrayNode pairs = node.putArray("pairs");
        for (Pair pair : entry.pairs) {
            ObjectNode runs = pairs.addObject().put("first_ran_first", pair.firstRanFirst());
            lines(runs.putArray("first"), pair.first());
            lines(runs.putArray("second"), pair.second());
        }
    }

    private static void outcome(ObjectNode node, Outcome outcome) {
        node.put("item", outcome.item()).put("metric", outcome.metric().field());
        outcome.firstMedian().ifPresent(median -> node.put("first_median", median));
        outcome.secondMedian().ifPresent(median -> node.put("second_median", median));
        outcome.ratio().ifPresent(ratio -> node.put("ratio", ratio));
        values(node.putArray("first_values"), outcome.first());
        values(node.putArray("second_values"), outcome.second());
        values(node.putArray("pair_ratios"), outcome.pairRatios());
    }

    private static void values(ArrayNode node, List<Double> values) {
        values.forEach(node::add);
    }

    private static void lines(ArrayNode node, List<JsonNode> lines) {
        lines.forEach(node::add);
    }
}
