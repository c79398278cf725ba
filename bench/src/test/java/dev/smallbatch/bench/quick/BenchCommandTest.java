package dev.smallbatch.bench.quick;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.smallbatch.model.cli.Console;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class BenchCommandTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @TempDir
    private Path directory;

    private JsonNode run(String... more) throws IOException {
        PrintStream results = new PrintStream(out, true, StandardCharsets.UTF_8);
        PrintStream progress = new PrintStream(err, true, StandardCharsets.UTF_8);
        Path json = directory.resolve("bench.json");
        CommandLine line = new CommandLine(new BenchCommand(new Console(results, progress, false, 100, "smallbatch"), 0));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        String[] arguments = new String[more.length + 2];
        arguments[0] = "--preset=tiny";
        arguments[1] = "--json=" + json;
        System.arraycopy(more, 0, arguments, 2, more.length);
        assertEquals(0, line.execute(arguments), err.toString(StandardCharsets.UTF_8));
        return new ObjectMapper().readTree(json.toFile());
    }

    @Test
    void everyProductStepAndTokenIsSetAgainstTheRoof() throws IOException {
        JsonNode json = run();
        assertEquals(5 * 3, json.get("products").size());
        assertEquals(2, json.get("steps").size());
        assertTrue(json.get("products").get(0).get("of_roof").doubleValue() > 0, json.toString());
        assertTrue(json.get("generation").get(0).get("tokens_s").doubleValue() > 0, json.toString());
        assertTrue(out.toString(StandardCharsets.UTF_8).contains("| HEAD dW "), out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void theProfileNamesEveryKernelOfAStep() throws IOException {
        JsonNode json = run("--profile", "--optimizer", "sgd");
        assertTrue(json.get("kernels").findValuesAsText("kernel").contains("sgdStep"), json.toString());
        assertEquals("step", json.get("kernels").get(json.get("kernels").size() - 1).get("kernel").textValue());
    }

    @Test
    void theSettingSaysWhatWasMeasuredOn() throws IOException {
        JsonNode setting = run().get("setting");
        assertTrue(setting.has("backend") && setting.has("cpu") && setting.has("options") && setting.has("load"),
                setting.toString());
    }

    @Test
    void progressSaysHowLongItTakes() throws IOException {
        run();
        String progress = err.toString(StandardCharsets.UTF_8);
        assertTrue(progress.lines().anyMatch(line -> line.matches("measuring training steps with adamw .* s left\\)")), progress);
    }
}
