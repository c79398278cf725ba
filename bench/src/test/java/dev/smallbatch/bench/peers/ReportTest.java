package dev.smallbatch.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
    private static final List<Comparison.Metric> METRICS = List.of(new Comparison.Metric("speed", "m/s", "at least 2"));

    private static Report report(Optional<Contestant> rival, List<Pair> pairs) {
        Report report = new Report(Map.of("cpu", "abacus"));
        report.add(new Comparison("race", "a race", OutcomeTest.contestant("A"), rival, METRICS), pairs);
        return report;
    }

    private static Report race() {
        return report(Optional.of(OutcomeTest.contestant("B")), List.of(pair(30, 10), pair(20, 10)));
    }

    private static Pair pair(double first, double second) {
        return new Pair(true, List.of(OutcomeTest.line("run", first)), List.of(OutcomeTest.line("run", second)));
    }

    @Test
    void theFilesAreNamedAsTold(@TempDir Path directory) throws IOException {
        race().write(directory.resolve("results"), "friday");
        assertTrue(Files.readString(directory.resolve("results/friday.md")).startsWith("# Side by side: friday\n"));
        JsonNode json = new ObjectMapper().readTree(directory.resolve("results/friday.json").toFile());
        assertEquals("abacus", json.get("cpu").asText());
    }

    @Test
    void theJsonHasEverySingleValueAndEveryLine() throws IOException {
        JsonNode comparison = new ObjectMapper().readTree(race().json()).get("comparisons").get(0);
        JsonNode outcome = comparison.get("outcomes").get(0);
        assertEquals("[30.0,20.0]", outcome.get("first_values").toString());
        assertEquals("[10.0,10.0]", outcome.get("second_values").toString());
        assertEquals(2.5, outcome.get("ratio").doubleValue());
        assertEquals("[3.0,2.0]", outcome.get("pair_ratios").toString());
        assertEquals("run", comparison.get("pairs").get(1).get("second").get(0).get("item").asText());
    }

    @Test
    void theTableHasMediansRatiosAndGoals(@TempDir Path directory) throws IOException {
        race().write(directory, "friday");
        String table = Files.readString(directory.resolve("friday.md"));
        assertTrue(table.contains("| metric | A | B | ratio | pairs | goal |"), table);
        assertTrue(table.contains("| m/s | 25.00 | 10.00 | 2.500 | 2.000 to 3.000 | at least 2 |"), table);
    }

    @Test
    void withoutARivalTheTableHasNoRatios(@TempDir Path directory) throws IOException {
        Pair alone = new Pair(true, List.of(OutcomeTest.line("run", 30)), List.of());
        report(Optional.empty(), List.of(alone)).write(directory, "alone");
        String table = Files.readString(directory.resolve("alone.md"));
        assertTrue(table.contains("| m/s | 30.00 | - | - | - | at least 2 |"), table);
    }

    @Test
    void manyItemsAreSummedUpByGeometricMeansOfAllAndOfThoseThatShareAWord() throws IOException {
        List<Pair> pairs = List.of(new Pair(true,
                List.of(OutcomeTest.line("tiny dX", 4), OutcomeTest.line("tiny dW", 9)),
                List.of(OutcomeTest.line("tiny dX", 1), OutcomeTest.line("tiny dW", 1))));
        JsonNode means = new ObjectMapper().readTree(report(Optional.of(OutcomeTest.contestant("B")), pairs).json())
                .get("comparisons").get(0).get("geometric_mean_of_ratios");
        assertEquals(6, means.get("all").doubleValue(), 1e-14);
        assertEquals(6, means.get("tiny").doubleValue(), 1e-14);
        assertEquals(9, means.get("dW").doubleValue(), 1e-14);
    }

    @Test
    void oneItemNeedsNoMean() throws IOException {
        assertFalse(race().json().contains("all"));
    }

    @Test
    void numbersHaveFourDigits() {
        assertEquals("1235", Markdown.number(1234.56));
        assertEquals("123.5", Markdown.number(123.45));
        assertEquals("0.123", Markdown.number(0.12345));
    }
}
