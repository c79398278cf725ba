package dev.smallbatch.model.examples;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's example does what the README says. */
class TrainAndGenerateTest {
    @TempDir
    Path directory;

    @Test
    void trainsAndThenWrites() throws IOException {
        Path text = directory.resolve("text.txt");
        Files.writeString(text, "The quick brown fox jumps over the lazy dog.\n".repeat(500));

        List<String> lines = run(text.toString(), directory.resolve("run").toString()).lines().toList();

        assertTrue(loss(lines, 1) > 4, lines.getFirst());
        assertTrue(loss(lines, 100) < 1, lines.get(99));
        String written = String.join("\n", lines.subList(100, lines.size()));
        assertFalse(written.isBlank(), "nothing was written");
        assertTrue(Files.exists(directory.resolve("run/model/model.safetensors")));
    }

    private static double loss(List<String> lines, int step) {
        String line = lines.get(step - 1);
        String start = "step " + step + ", loss ";
        assertTrue(line.startsWith(start), line);
        return Double.parseDouble(line.substring(start.length()).replace(',', '.'));
    }

    private static String run(String... args) throws IOException {
        PrintStream out = System.out;
        ByteArrayOutputStream captured = new ByteArrayOutputStream();
        System.setOut(new PrintStream(captured, true, StandardCharsets.UTF_8));
        try {
            TrainAndGenerate.main(args);
        } finally {
            System.setOut(out);
        }
        return captured.toString(StandardCharsets.UTF_8);
    }
}
