package dev.smallbatch.bench.peers;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How the programs are started.
 *
 * @param java of the JDK that measures
 * @param jvmOptions the argument file that every start of the CPU program takes
 * @param extraOptions of the JVM, after those
 * @param classPath of the peers
 * @param scripts directory of the Python programs
 * @param python an interpreter that has PyTorch; empty if there is none
 */
record Launch(Path java, Path jvmOptions, List<String> extraOptions, String classPath, Path scripts, Optional<String> python) {
    /** The heap holds bookkeeping alone: tensors are outside of it. */
    private static final List<String> HEAP = List.of("-Xms16m", "-Xmx256m");

    Launch {
        extraOptions = List.copyOf(extraOptions);
    }

    /** A main class of this package in a JVM of its own. */
    Contestant smallbatch(String name, Class<?> main, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of(java.toString(), "@" + jvmOptions));
        command.addAll(HEAP);
        command.addAll(extraOptions);
        command.addAll(List.of("-cp", classPath, main.getName()));
        command.addAll(arguments);
        return new Contestant(name, command, jvmLine() + " " + main.getSimpleName() + " " + String.join(" ", arguments));
    }

    /** A Python program, if there is PyTorch. */
    Optional<Contestant> pytorch(String name, String script, List<String> arguments) {
        return python.map(interpreter -> {
            List<String> command = new ArrayList<>(List.of(interpreter, scripts.resolve(script).toString()));
            command.addAll(arguments);
            return new Contestant(name, command, "python " + script + " " + String.join(" ", arguments));
        });
    }

    /** For readers. */
    String jvmLine() {
        List<String> words = new ArrayList<>(List.of("java", "@etc/" + jvmOptions.getFileName()));
        words.addAll(HEAP);
        words.addAll(extraOptions);
        return String.join(" ", words);
    }
}
