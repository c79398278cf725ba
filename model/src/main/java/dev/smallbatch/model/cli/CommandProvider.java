package dev.smallbatch.model.cli;

import java.util.List;

/** Commands that another module adds to the program; found by {@link java.util.ServiceLoader}. */
public interface CommandProvider {
    /** Objects of classes that picocli's {@code Command} annotates, in the order of the help. */
    List<Object> commands(Console console);
}
