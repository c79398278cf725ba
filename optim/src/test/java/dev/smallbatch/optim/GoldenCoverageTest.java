package dev.smallbatch.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Which of all golden cases of optimizers are tested, and why the others are not. {@code golden/cases.txt} has their names.
 * A case is tested if its name is a string, or between the commas of one, in a test class of any module whose name begins with
 * Golden; {@code golden/excused.txt} has a line {@code case: reason} for each that is not.
 */
class GoldenCoverageTest {
    private static final Pattern STRING = Pattern.compile("\"([^\"\\n]*)\"");

    @Test
    void everyCaseIsTestedOrExcused() throws IOException {
        TreeSet<String> missing = new TreeSet<>(cases());
        missing.removeAll(tested());
        missing.removeAll(excused().keySet());
        assertTrue(missing.isEmpty(), () -> "neither a string in a Golden...Test nor excused in golden/excused.txt: " + missing);
    }

    @Test
    void noTestedCaseIsExcused() throws IOException {
        TreeSet<String> both = new TreeSet<>(tested());
        both.retainAll(excused().keySet());
        assertTrue(both.isEmpty(), () -> "tested, so that their lines in golden/excused.txt can go: " + both);
    }

    @Test
    void everyExcuseIsOfACaseAndHasAReason() throws IOException {
        TreeSet<String> unknown = new TreeSet<>(excused().keySet());
        cases().forEach(unknown::remove);
        assertTrue(unknown.isEmpty(), () -> "excused, but no case: " + unknown);
        excused().forEach((name, reason) -> assertTrue(reason.length() > 20, () -> name + " is excused without a reason"));
    }

    /** Prints the table. */
    @Test
    void theCollectionHasSeventyTwoCases() throws IOException {
        StringBuilder table = new StringBuilder(String.format("%nGolden cases of optimizers%n"));
        TreeSet<String> tested = tested();
        for (String name : cases()) {
            table.append(String.format("%-28s %s%n", name, tested.contains(name) ? "tested" : excused().get(name)));
        }
        System.out.println(table);
        assertEquals(72, new TreeSet<>(cases()).size());
    }

    private static TreeSet<String> tested() throws IOException {
        TreeSet<String> tested = new TreeSet<>();
        Path root = Path.of(System.getProperty("smallbatch.root"));
        for (String module : List.of("core", "optim", "model", "bench")) {
            try (Stream<Path> files = Files.walk(root.resolve(module).resolve("src/test/java"))) {
                for (Path file : files.filter(GoldenCoverageTest::isGoldenTest).toList()) {
                    STRING.matcher(Files.readString(file)).results().flatMap(string -> Stream.of(string.group(1).split(",")))
                            .map(String::strip).forEach(tested::add);
                }
            }
        }
        tested.retainAll(cases());
        return tested;
    }

    private static boolean isGoldenTest(Path file) {
        return file.getFileName().toString().matches("Golden.*Test\\.java");
    }

    private static List<String> cases() throws IOException {
        return lines("cases.txt");
    }

    private static Map<String, String> excused() throws IOException {
        Map<String, String> excused = new LinkedHashMap<>();
        for (String line : lines("excused.txt")) {
            String[] parts = line.split(":", 2);
            excused.put(parts[0], parts.length < 2 ? "" : parts[1].strip());
        }
        return excused;
    }

    private static List<String> lines(String name) throws IOException {
        try (InputStream in = GoldenCoverageTest.class.getResourceAsStream("golden/" + name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().filter(line -> !line.isBlank()).toList();
        }
    }
}
