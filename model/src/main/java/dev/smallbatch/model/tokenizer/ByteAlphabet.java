package dev.smallbatch.model.tokenizer;

/**
 * GPT-2's way to write bytes as visible characters: a byte that is a visible Latin-1 character stands for itself, the other
 * 68 are U+0100, U+0101, ... in order of value, so a space is U+0120. The order of the bytes in a vocabulary is the same:
 * the visible ones first, then the others.
 */
final class ByteAlphabet {
    private static final int BYTES = 256;
    private static final int[] BYTE_AT = new int[BYTES];
    private static final char[] CHAR_OF = new char[BYTES];
    private static final int VISIBLE;

    static {
        int position = 0;
        for (int b = 0; b < BYTES; b++) {
            if (visible(b)) {
                BYTE_AT[position++] = b;
                CHAR_OF[b] = (char) b;
            }
        }
        VISIBLE = position;
        for (int b = 0; b < BYTES; b++) {
            if (!visible(b)) {
                CHAR_OF[b] = (char) (BYTES + position - VISIBLE);
                BYTE_AT[position++] = b;
            }
        }
    }

    private ByteAlphabet() {}

    /** The byte at a position of the vocabulary order. */
    static int byteAt(int position) {
        return BYTE_AT[position];
    }

    /** Bytes as characters of the alphabet. */
    static String write(byte[] bytes) {
        StringBuilder text = new StringBuilder(bytes.length);
        for (byte b : bytes) {
            text.append(CHAR_OF[b & 0xFF]);
        }
        return text.toString();
    }

    /** The bytes of a text in the alphabet, or null if it has another character. */
    static byte[] read(String text) {
        byte[] bytes = new byte[text.length()];
        for (int i = 0; i < bytes.length; i++) {
            int b = byteOf(text.charAt(i));
            if (b < 0) {
                return null;
            }
            bytes[i] = (byte) b;
        }
        return bytes;
    }

    private static int byteOf(char c) {
        if (c < BYTES) {
            return visible(c) ? c : -1;
        }
        int position = VISIBLE + c - BYTES;
        return position < BYTES ? BYTE_AT[position] : -1;
    }

    private static boolean visible(int b) {
        return b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
    }
}
