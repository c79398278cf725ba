package dev.smallbatch.model.data;

import java.io.IOException;

/** Text that cannot be used: missing, unreadable, binary, empty or too short. The message names the file and the remedy. */
public final class CorpusException extends IOException {
    private static final long serialVersionUID = 1;

    CorpusException(String message) {
        super(message);
    }

    CorpusException(String message, Throwable cause) {
        super(message, cause);
    }
}
