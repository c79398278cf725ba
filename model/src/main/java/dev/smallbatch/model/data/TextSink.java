package dev.smallbatch.model.data;

import java.io.IOException;

/** Takes the texts of a corpus, one at a time and in order. */
@FunctionalInterface
public interface TextSink {
    /** The next text; its bytes must not be kept. An exception ends the reading. */
    void accept(TextChunk chunk) throws IOException;
}
