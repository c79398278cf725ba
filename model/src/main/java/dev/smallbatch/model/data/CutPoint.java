package dev.smallbatch.model.data;

import java.nio.charset.StandardCharsets;

/**
 * Where a text may be cut without changing its tokens: before white space that follows something else. No word of GPT-2's
 * splitting contains such a place.
 */
final class CutPoint {
    private CutPoint() {}

    /**
     * The last such position in {@code (from, limit)} with white space that is ASCII; if there is none, the last boundary of
     * characters in {@code (from, limit]}.
     */
    static int before(byte[] utf8, int from, int limit) {
        for (int i = limit - 1; i > from; i--) {
            byte b = utf8[i];
            if ((b == ' ' || b == '\n' || b == '\r' || b == '\t') && !spaceEndsAt(utf8, from, i)) {
                return i;
            }
        }
        return characterBoundary(utf8, from, limit);
    }

    /** Whether the character that ends at {@code end} is, or might be, white space. */
    private static boolean spaceEndsAt(byte[] utf8, int from, int end) {
        int start = end - 1;
        while (start > from && (utf8[start] & 0xC0) == 0x80) {
            start--;
        }
        int character = new String(utf8, start, end - start, StandardCharsets.UTF_8).codePointAt(0);
        return Character.isWhitespace(character) || Character.isSpaceChar(character) || character == 0x85;
    }

    private static int characterBoundary(byte[] utf8, int from, int limit) {
        int lead = limit - 1;
        while (lead > from && limit - lead < 4 && (utf8[lead] & 0xC0) == 0x80) {
            lead--;
        }
        int b = utf8[lead] & 0xFF;
        int length = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : b >= 0xC0 ? 2 : 1;
        return lead > from && lead + length > limit ? lead : limit;
    }
}
