package dev.smallbatch.bench.peers;

import com.fasterxml.jackson.databind.JsonNode;
import dev.smallbatch.bench.measure.Statistics;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * One metric of one item over all pairs.
 *
 * @param item as in the lines, for example {@code step} or {@code tiny QKV dX}
 * @param metric what was measured
 * @param first a value for each pair; empty if the program does not measure this
 * @param second the rival's, likewise
 */
record Outcome(String item, Comparison.Metric metric, List<Double> first, List<Double> second) {
    Outcome {
        first = List.copyOf(first);
        second = List.copyOf(second);
    }

    /**
     * All outcomes, items in the order of the lines and for each the metrics in their order.
     *
     * @throws IllegalStateException if a program printed other items in one pair than in another, or than its rival
     */
    static List<Outcome> of(Comparison comparison, List<Pair> pairs) {
        List<Outcome> outcomes = new ArrayList<>();
        for (String item : items(comparison, pairs)) {
            for (Comparison.Metric metric : comparison.metrics()) {
                Outcome outcome = new Outcome(item, metric,
                        values(pairs.stream().map(Pair::first).toList(), item, metric.field()),
                        values(pairs.stream().map(Pair::second).toList(), item, metric.field()));
                if (!outcome.first.isEmpty() || !outcome.second.isEmpty()) {
                    outcomes.add(outcome);
                }
            }
        }
        return outcomes;
    }

    private static Set<String> items(Comparison comparison, List<Pair> pairs) {
        Set<String> expected = items(pairs.getFirst().first());
        for (Pair pair : pairs) {
            Set<String> first = items(pair.first());
            Set<String> second = items(pair.second());
            if (!first.equals(expected) || !(second.isEmpty() || second.equals(expected))) {
                throw new IllegalStateException("peers: " + comparison.name() + " measured " + expected + ", then " + first
                        + " and " + second + "; the programs must measure the same");
            }
        }
        return expected;
    }

    private static Set<String> items(List<JsonNode> lines) {
        Set<String> items = new LinkedHashSet<>();
        lines.forEach(line -> items.add(line.path("item").asText()));
        return items;
    }

    private static List<Double> values(List<List<JsonNode>> runs, String item, String field) {
        return runs.stream().flatMap(List::stream)
                .filter(line -> line.path("item").asText().equals(item) && line.path(field).isNumber())
                .map(line -> line.path(field).doubleValue())
                .toList();
    }

    OptionalDouble firstMedian() {
        return median(first);
    }

    OptionalDouble secondMedian() {
        return median(second);
    }

    private static OptionalDouble median(List<Double> values) {
        return values.isEmpty() ? OptionalDouble.empty() : OptionalDouble.of(Statistics.median(values));
    }

    /** The first's median over the second's; empty unless both have one. */
    OptionalDouble ratio() {
        return first.isEmpty() || second.isEmpty() ? OptionalDouble.empty()
                : OptionalDouble.of(Statistics.median(first) / Statistics.median(second));
    }

    /** The ratio within each pair, in order; empty unless both have a value in every pair. */
    List<Double> pairRatios() {
        return first.size() != second.size() ? List.of()
                : IntStream.range(0, first.size()).mapToObj(i -> first.get(i) / second.get(i)).toList();
    }

    /** The geometric mean of the ratios of those that have one; empty if none has. */
    static Optional<Double> geometricMean(List<Outcome> outcomes) {
        List<Double> ratios = outcomes.stream().map(Outcome::ratio).filter(OptionalDouble::isPresent)
                .map(OptionalDouble::getAsDouble).toList();
        return ratios.isEmpty() ? Optional.empty() : Optional.of(Statistics.geometricMean(ratios));
    }
}
