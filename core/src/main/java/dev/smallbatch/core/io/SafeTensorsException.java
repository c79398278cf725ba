package dev.smallbatch.core.io;

import java.io.IOException;
import java.nio.file.Path;

/** A safetensors file that is damaged or does not hold what was asked for; the message begins with the file. */
public final class SafeTensorsException extends IOException {
    private static final long serialVersionUID = 1L;

    /** {@code problem} says what is wrong, both values, and the remedy. */
    public SafeTensorsException(Path file, String problem) {
        super(file + ": " + problem);
    }
}
