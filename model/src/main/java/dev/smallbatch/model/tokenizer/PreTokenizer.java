package dev.smallbatch.model.tokenizer;

/**
 * GPT-2's splitting of text into words, inside which byte pairs merge. It gives the matches of
 *
 * <pre>
 * '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * </pre>
 *
 * with {@code \s} the Unicode property White_Space: English endings; runs of letters, of digits and of other characters, each
 * with the one space before it; runs of white space, without their last character if something else follows. Works on UTF-8;
 * a byte that is not UTF-8 counts as an other character.
 */
final class PreTokenizer {
    private static final int LETTER = 0;
    private static final int NUMBER = 1;
    private static final int SPACE = 2;
    private static final int OTHER = 3;
    private static final int KIND_BITS = 2;
    private static final int KIND_MASK = 3;
    private static final byte[] ASCII_KIND = new byte[128];

    static {
        for (int c = 0; c < ASCII_KIND.length; c++) {
            ASCII_KIND[c] = (byte) kind(c);
        }
    }

    private PreTokenizer() {}

    /** The end of the word that starts at {@code from < to}; bytes from {@code to} on do not exist for it. */
    static int wordEnd(byte[] utf8, int from, int to) {
        byte first = utf8[from];
        if (first == '\'') {
            int ending = endingLength(utf8, from + 1, to);
            if (ending > 0) {
                return from + 1 + ending;
            }
        }
        int symbol = symbolAt(utf8, from, to);
        int next = from + length(symbol);
        if ((symbol & KIND_MASK) != SPACE) {
            return runEnd(utf8, next, to, symbol & KIND_MASK);
        }
        if (first == ' ' && next < to) {
            int following = symbolAt(utf8, next, to);
            if ((following & KIND_MASK) != SPACE) {
                return runEnd(utf8, next + length(following), to, following & KIND_MASK);
            }
        }
        return whiteSpaceEnd(utf8, next, to);
    }

    /** The end of a run of white space whose first character ends at {@code next}. */
    private static int whiteSpaceEnd(byte[] utf8, int next, int to) {
        int end = next;
        int last = next;
        while (end < to) {
            int symbol = symbolAt(utf8, end, to);
            if ((symbol & KIND_MASK) != SPACE) {
                return last;
            }
            last = end;
            end += length(symbol);
        }
        return end;
    }

    private static int runEnd(byte[] utf8, int from, int to, int kind) {
        int end = from;
        while (end < to) {
            byte b = utf8[end];
            if (b >= 0) {
                if (ASCII_KIND[b] != kind) {
                    return end;
                }
                end++;
            } else {
                int symbol = symbolAt(utf8, end, to);
                if ((symbol & KIND_MASK) != kind) {
                    return end;
                }
                end += length(symbol);
            }
        }
        return end;
    }

    /** The length of s, d, m, t, ll, ve or re at {@code i}, else 0. */
    private static int endingLength(byte[] utf8, int i, int to) {
        if (i >= to) {
            return 0;
        }
        byte first = utf8[i];
        if (first == 's' || first == 'd' || first == 'm' || first == 't') {
            return 1;
        }
        if (i + 1 >= to) {
            return 0;
        }
        byte second = utf8[i + 1];
        boolean two = first == 'l' && second == 'l' || (first == 'v' || first == 'r') && second == 'e';
        return two ? 2 : 0;
    }

    private static int length(int symbol) {
        return symbol >>> KIND_BITS;
    }

    /** Length in bytes and kind of the character at {@code i}, packed. */
    private static int symbolAt(byte[] utf8, int i, int to) {
        int lead = utf8[i];
        if (lead >= 0) {
            return 1 << KIND_BITS | ASCII_KIND[lead];
        }
        int length = lead >= (byte) 0xF0 ? 4 : lead >= (byte) 0xE0 ? 3 : 2;
        if (lead < (byte) 0xC2 || lead > (byte) 0xF4 || i + length > to) {
            return 1 << KIND_BITS | OTHER;
        }
        int codePoint = lead & 0x7F >> length;
        for (int k = 1; k < length; k++) {
            int b = utf8[i + k];
            if ((b & 0xC0) != 0x80) {
                return 1 << KIND_BITS | OTHER;
            }
            codePoint = codePoint << 6 | b & 0x3F;
        }
        return length << KIND_BITS | kind(codePoint);
    }

    private static int kind(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.UPPERCASE_LETTER, Character.LOWERCASE_LETTER, Character.TITLECASE_LETTER,
                    Character.MODIFIER_LETTER, Character.OTHER_LETTER -> LETTER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
            case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> SPACE;
            case Character.CONTROL -> codePoint >= '\t' && codePoint <= '\r' || codePoint == 0x85 ? SPACE : OTHER;
            default -> OTHER;
        };
    }
}
