package dev.smallbatch.model.tokenizer;

import java.io.IOException;

/** A vocabulary file that is missing, damaged, of another kind or of a newer format; the message names file and remedy. */
public final class TokenizerException extends IOException {
    private static final long serialVersionUID = 1;

    TokenizerException(String message) {
        super(message);
    }

    TokenizerException(String message, Throwable cause) {
        super(message, cause);
    }
}
