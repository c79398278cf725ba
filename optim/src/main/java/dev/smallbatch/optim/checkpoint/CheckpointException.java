package dev.smallbatch.optim.checkpoint;

import java.io.IOException;
import java.nio.file.Path;

/** A checkpoint that cannot be written or cannot be used; the message begins with its path and says what to do. */
public final class CheckpointException extends IOException {
    private static final long serialVersionUID = 1L;

    CheckpointException(Path path, String problem) {
        this(path, problem, null);
    }

    CheckpointException(Path path, String problem, Throwable cause) {
        super("checkpoint " + path + ": " + problem, cause);
    }
}
