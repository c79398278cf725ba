package dev.smallbatch.core.io;

import java.io.IOException;

/** Text that is not the JSON of {@link JsonReader}; the message says what was expected and at which character. */
public final class JsonException extends IOException {
    private static final long serialVersionUID = 1L;

    public JsonException(String message) {
        super(message);
    }
}
