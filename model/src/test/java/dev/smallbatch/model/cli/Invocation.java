package dev.smallbatch.model.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A command that was run in this JVM.
 *
 * @param exit exit code
 * @param out standard output
 * @param err standard error
 */
record Invocation(int exit, String out, String err) {
    static Invocation of(List<String> arguments) {
        return of(arguments.toArray(String[]::new));
    }

    static Invocation of(String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), false, 100, "./smallbatch");
        int exit = Main.run(console, arguments);
        return new Invocation(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    Invocation requireSuccess() {
        assertEquals(0, exit, this::toString);
        return this;
    }

    /** One line on standard error, no stack trace, and these parts in it. */
    void requireFailure(int expectedExit, String... parts) {
        assertEquals(expectedExit, exit, this::toString);
        List<String> errors = err.lines().filter(line -> !line.endsWith(" ...") && !line.startsWith("step ")).toList();
        assertEquals(1, errors.size(), this::toString);
        assertTrue(errors.getFirst().startsWith("smallbatch: "), this::toString);
        for (String part : parts) {
            assertTrue(errors.getFirst().contains(part), () -> "'" + part + "' in: " + errors.getFirst());
        }
    }

    Invocation requireOut(String... parts) {
        for (String part : parts) {
            assertTrue(out.contains(part), () -> "'" + part + "' in: " + out);
        }
        return this;
    }
}
