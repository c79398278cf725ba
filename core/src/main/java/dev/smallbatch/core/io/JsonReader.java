package dev.smallbatch.core.io;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Strict JSON (RFC 8259) to plain Java values: {@code Map<String, Object>} in text order, {@code List<Object>}, {@code String},
 * {@code Long}, {@code Double}, {@code Boolean} and null. Maps and lists cannot be modified.
 *
 * <p>Where the standard leaves a choice this reader refuses: duplicate names, unpaired surrogates, a byte order mark, integers
 * beyond 64 bits, numbers beyond double, nesting deeper than 64. A number is a Long if it has neither fraction nor exponent
 * and is not {@code -0}.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc8259">RFC 8259</a>
 */
public final class JsonReader {
    private static final int MAX_DEPTH = 64;

    private final String text;
    private int at;

    private JsonReader(String text) {
        this.text = text;
    }

    /**
     * The value of a UTF-8 text.
     *
     * @throws JsonException if the bytes are not UTF-8 or not one JSON value
     */
    public static Object parse(byte[] utf8) throws JsonException {
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
        } catch (CharacterCodingException e) {
            throw new JsonException("the text is not UTF-8");
        }
        return parse(text);
    }

    /**
     * The value of a text.
     *
     * @throws JsonException if it is not one JSON value
     */
    public static Object parse(String text) throws JsonException {
        JsonReader reader = new JsonReader(text);
        Object value = reader.value(0);
        reader.skipSpace();
        if (reader.at < text.length()) {
            throw reader.expected("the end of the text");
        }
        return value;
    }

    private Object value(int depth) throws JsonException {
        skipSpace();
        return switch (peek()) {
            case '{' -> object(depth + 1);
            case '[' -> array(depth + 1);
            case '"' -> string();
            case 't' -> literal("true", Boolean.TRUE);
            case 'f' -> literal("false", Boolean.FALSE);
            case 'n' -> literal("null", null);
            case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> number();
            default -> throw expected("a value");
        };
    }

    private Map<String, Object> object(int depth) throws JsonException {
        requireDepth(depth);
        Map<String, Object> members = new LinkedHashMap<>();
        at++;
        skipSpace();
        if (peek() == '}') {
            at++;
            return Collections.unmodifiableMap(members);
        }
        while (true) {
            skipSpace();
            int start = at;
            String name = string();
            if (members.containsKey(name)) {
                throw new JsonException("duplicate name " + JsonWriter.excerpt(name) + " at character " + start);
            }
            skipSpace();
            require(':');
            members.put(name, value(depth));
            skipSpace();
            if (peek() != ',') {
                require('}');
                return Collections.unmodifiableMap(members);
            }
            at++;
        }
    }

    private List<Object> array(int depth) throws JsonException {
        requireDepth(depth);
        List<Object> elements = new ArrayList<>();
        at++;
        skipSpace();
        if (peek() == ']') {
            at++;
            return Collections.unmodifiableList(elements);
        }
        while (true) {
            elements.add(value(depth));
            skipSpace();
            if (peek() != ',') {
                require(']');
                return Collections.unmodifiableList(elements);
            }
            at++;
        }
    }

    private String string() throws JsonException {
        int start = at;
        require('"');
        StringBuilder out = new StringBuilder();
        while (true) {
            int c = peek();
            if (c < 0x20) {
                throw expected(c < 0 ? "the end of the string" : "a control character to be escaped");
            }
            at++;
            if (c == '"') {
                break;
            }
            out.append(c == '\\' ? escape() : (char) c);
        }
        String result = out.toString();
        requirePairedSurrogates(result, start);
        return result;
    }

    private char escape() throws JsonException {
        int c = peek();
        at++;
        return switch (c) {
            case '"', '\\', '/' -> (char) c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> hexadecimal();
            default -> {
                at--;
                throw expected("an escape");
            }
        };
    }

    private char hexadecimal() throws JsonException {
        int code = 0;
        for (int i = 0; i < 4; i++) {
            int c = peek();
            // Character.digit alone would accept the digits of every script.
            int digit = c < 0 || c > 'f' ? -1 : Character.digit(c, 16);
            if (digit < 0) {
                throw expected("four hexadecimal digits");
            }
            code = code << 4 | digit;
            at++;
        }
        return (char) code;
    }

    private static void requirePairedSurrogates(String string, int start) throws JsonException {
        if (JsonWriter.unpairedSurrogate(string) >= 0) {
            throw new JsonException("unpaired surrogate in the string at character " + start);
        }
    }

    private Object number() throws JsonException {
        int start = at;
        if (peek() == '-') {
            at++;
        }
        if (peek() == '0') {
            at++;
        } else {
            digits();
        }
        boolean integer = true;
        if (peek() == '.') {
            integer = false;
            at++;
            digits();
        }
        if (peek() == 'e' || peek() == 'E') {
            integer = false;
            at++;
            if (peek() == '+' || peek() == '-') {
                at++;
            }
            digits();
        }
        return converted(text.substring(start, at), integer, start);
    }

    private static Object converted(String digits, boolean integer, int start) throws JsonException {
        if (integer && !digits.equals("-0")) {
            try {
                return Long.valueOf(digits);
            } catch (NumberFormatException e) {
                throw new JsonException("integer at character " + start + " does not fit 64 bits");
            }
        }
        double value = Double.parseDouble(digits);
        if (Double.isInfinite(value)) {
            throw new JsonException("number at character " + start + " does not fit a double");
        }
        return value;
    }

    private void digits() throws JsonException {
        int start = at;
        while (peek() >= '0' && peek() <= '9') {
            at++;
        }
        if (at == start) {
            throw expected("a digit");
        }
    }

    private Object literal(String word, Object value) throws JsonException {
        if (!text.startsWith(word, at)) {
            throw expected(word);
        }
        at += word.length();
        return value;
    }

    private void skipSpace() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
            at++;
        }
    }

    /** The next character, -1 at the end. */
    private int peek() {
        return at < text.length() ? text.charAt(at) : -1;
    }

    private void require(char c) throws JsonException {
        if (peek() != c) {
            throw expected("'" + c + "'");
        }
        at++;
    }

    private void requireDepth(int depth) throws JsonException {
        if (depth > MAX_DEPTH) {
            throw new JsonException("nesting deeper than " + MAX_DEPTH + " at character " + at);
        }
    }

    private JsonException expected(String what) {
        int c = peek();
        String shown = c < 0x20 || c > 0x7E ? "U+%04X".formatted(c) : "'" + (char) c + "'";
        String found = c < 0 ? "the text ends" : shown + " stands";
        return new JsonException("expected " + what + " at character " + at + ", where " + found);
    }
}
