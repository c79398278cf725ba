package dev.smallbatch.model.data;

import java.io.IOException;

/** A token shard that is damaged, truncated, of a newer format or of another vocabulary; the message names the file. */
public final class ShardException extends IOException {
    private static final long serialVersionUID = 1;

    ShardException(String message) {
        super(message);
    }
}
