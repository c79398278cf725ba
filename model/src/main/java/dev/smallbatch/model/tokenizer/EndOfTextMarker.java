package dev.smallbatch.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Finds the text {@link Tokenizer#END_OF_TEXT} in UTF-8: corpora of many documents in one file separate them with it. */
public final class EndOfTextMarker {
    private static final byte[] BYTES = Tokenizer.END_OF_TEXT.getBytes(StandardCharsets.UTF_8);

    /** Bytes of the marker. */
    public static final int LENGTH = BYTES.length;

    private EndOfTextMarker() {}

    /** The position of the first marker within {@code [from, to)}, or -1. */
    public static int find(byte[] utf8, int from, int to) {
        for (int i = from; i <= to - LENGTH; i++) {
            if (utf8[i] == BYTES[0] && Arrays.equals(utf8, i, i + LENGTH, BYTES, 0, LENGTH)) {
                return i;
            }
        }
        return -1;
    }
}
