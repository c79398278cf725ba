package dev.smallbatch.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PairedRunsTest {
    private final List<String> said = new ArrayList<>();
    private final PairedRuns runs = new PairedRuns(said::add);

    private static Contestant echo(String name, String... lines) {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", System.getProperty("java.class.path"),
                EchoPeer.class.getName()));
        command.addAll(Arrays.asList(lines));
        return new Contestant(name, command, "echo");
    }

    private static Comparison comparison(Contestant first, Contestant second) {
        return new Comparison("race", "race", first, Optional.of(second), List.of(new Comparison.Metric("v", "v", "")));
    }

    @Test
    void theOrderAlternatesFromPairToPair() throws Exception {
        List<Pair> pairs = runs.run(comparison(echo("A", "{\"v\":1}"), echo("B", "{\"v\":2}")), 2);
        assertEquals(List.of("A", "B", "B", "A"),
                said.stream().filter(text -> text.startsWith(" ")).map(text -> text.strip().substring(0, 1)).toList());
        assertEquals(List.of(true, false), pairs.stream().map(Pair::firstRanFirst).toList());
        for (Pair pair : pairs) {
            assertEquals(1, pair.first().getFirst().get("v").intValue());
            assertEquals(2, pair.second().getFirst().get("v").intValue());
        }
    }

    @Test
    void programsThatTrainDifferentModelsAreNotCompared() {
        Comparison comparison = comparison(echo("A", "{\"params\":5}"), echo("B", "{\"params\":6}"));
        String message = assertThrows(IllegalStateException.class, () -> runs.run(comparison, 1)).getMessage();
        assertTrue(message.contains("params is 5 of A and 6 of its rival"), message);
    }

    @Test
    void aProgramThatFailsEndsTheRun() {
        String message = assertThrows(IOException.class, () -> runs.run(echo("A"))).getMessage();
        assertEquals("peers: A ended with exit code 3: echo", message);
    }

    @Test
    void linesThatAreNoObjectsAreSkipped() throws IOException {
        List<JsonNode> lines = runs.parse("hello\n{\"item\":\"x\",\"v\":1.5}\n\n{\"item\":\"y\"}\n", 0);
        assertEquals(List.of("x", "y"), lines.stream().map(line -> line.get("item").asText()).toList());
        assertEquals(1.5, lines.getFirst().get("v").doubleValue());
    }

    @Test
    void theTimeToTheFirstStepCountsFromTheStartOfTheProgram() throws IOException {
        JsonNode line = runs.parse("{\"first_step_epoch_s\":1000.75}", 1000.5).getFirst();
        assertEquals(0.25, line.get("first_step_s").doubleValue());
    }

    @Test
    void generationIsSetAgainstTheLargerBandwidthOfBothPrograms() throws IOException {
        String generating = "{\"weight_bytes_per_token\":1e9,\"tokens_per_s_median\":3,\"bandwidth_gb_s\":4}";
        List<JsonNode> lines = runs.parse(generating, 0);
        PairedRuns.addShareOfBestBandwidth(lines, runs.parse("{\"bandwidth_gb_s\":6}", 0));
        assertEquals(0.5, lines.getFirst().get("share_of_best_bandwidth").doubleValue());
        PairedRuns.addShareOfBestBandwidth(lines, List.of());
        assertEquals(0.75, lines.getFirst().get("share_of_best_bandwidth").doubleValue());
    }

    @Test
    void outputWithoutAnyObjectIsRefused() {
        assertThrows(IOException.class, () -> runs.parse("hello\n", 0));
    }
}
