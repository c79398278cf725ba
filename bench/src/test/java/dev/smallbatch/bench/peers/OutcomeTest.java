package dev.smallbatch.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class OutcomeTest {
    private static final Comparison.Metric SPEED = new Comparison.Metric("speed", "m/s", "");
    private static final Comparison COMPARISON = new Comparison("race", "race", contestant("A"), Optional.of(contestant("B")),
            List.of(SPEED, new Comparison.Metric("weight", "kg", "")));

    static Contestant contestant(String name) {
        return new Contestant(name, List.of(name), name);
    }

    static JsonNode line(String item, double speed) {
        return JsonNodeFactory.instance.objectNode().put("item", item).put("speed", speed);
    }

    @Test
    void theRatioIsThatOfTheMediansAndNotTheMedianOfRatios() {
        List<Pair> pairs = List.of(pair(2, 1), pair(6, 4), pair(10, 2));
        Outcome outcome = Outcome.of(COMPARISON, pairs).getFirst();
        assertEquals(List.of(2.0, 6.0, 10.0), outcome.first());
        assertEquals(6.0 / 2.0, outcome.ratio().orElseThrow());
        assertEquals(List.of(2.0, 1.5, 5.0), outcome.pairRatios());
    }

    private static Pair pair(double first, double second) {
        return new Pair(true, List.of(line("run", first)), List.of(line("run", second)));
    }

    @Test
    void itemsAreKeptApart() {
        List<Pair> pairs = List.of(new Pair(true, List.of(line("x", 1), line("y", 9)), List.of(line("x", 2), line("y", 3))));
        List<Outcome> outcomes = Outcome.of(COMPARISON, pairs);
        assertEquals(List.of("x", "y"), outcomes.stream().map(Outcome::item).toList());
        assertEquals(0.5, outcomes.get(0).ratio().orElseThrow());
        assertEquals(3, outcomes.get(1).ratio().orElseThrow());
        assertEquals(Math.sqrt(1.5), Outcome.geometricMean(outcomes).orElseThrow(), 1e-15);
    }

    @Test
    void withoutARivalThereAreValuesAndNoRatio() {
        Outcome outcome = Outcome.of(COMPARISON, List.of(new Pair(true, List.of(line("run", 7)), List.of()))).getFirst();
        assertEquals(7, outcome.firstMedian().orElseThrow());
        assertTrue(outcome.ratio().isEmpty() && outcome.pairRatios().isEmpty() && outcome.secondMedian().isEmpty());
        assertEquals(Optional.empty(), Outcome.geometricMean(List.of(outcome)));
    }

    @Test
    void aMetricThatNobodyMeasuredIsLeftOut() {
        assertEquals(List.of(SPEED), Outcome.of(COMPARISON, List.of(pair(1, 1))).stream().map(Outcome::metric).toList());
    }

    @Test
    void programsThatMeasureDifferentThingsAreNotCompared() {
        List<Pair> pairs = List.of(new Pair(true, List.of(line("x", 1)), List.of(line("y", 1))));
        assertThrows(IllegalStateException.class, () -> Outcome.of(COMPARISON, pairs));
    }
}
