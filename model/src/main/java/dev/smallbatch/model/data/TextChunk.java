package dev.smallbatch.model.data;

import java.nio.charset.StandardCharsets;

/**
 * A document, or a part of a long one, as valid UTF-8. Parts are cut where no word of a tokenizer crosses, so encoding them one
 * after the other is encoding the whole.
 *
 * @param name     the file, or archive and entry
 * @param document number of the document in the corpus
 * @param first    whether a document begins here
 * @param bytes    holds the text in {@code [from, to)}; owned by the reader, who overwrites it afterwards
 */
public record TextChunk(String name, int document, boolean first, byte[] bytes, int from, int to) {
    /** Bytes of this text. */
    public int length() {
        return to - from;
    }

    /** The text as a string. */
    public String text() {
        return new String(bytes, from, to - from, StandardCharsets.UTF_8);
    }
}
