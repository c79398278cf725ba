package dev.smallbatch.core.io;

import java.util.Iterator;
import java.util.Map;

/** Plain Java values to compact JSON (RFC 8259), the counterpart of {@link JsonReader}. */
public final class JsonWriter {
    private static final int EXCERPT = 120;
    private static final String HEX = "0123456789abcdef";

    private final StringBuilder out = new StringBuilder();

    private JsonWriter() {}

    /**
     * One line of JSON without spaces. Characters are escaped only where they must be.
     *
     * @param value Map with String keys, Iterable, String, integer, finite float or double, Boolean or null; nested at will
     * @throws IllegalArgumentException for anything else, and for unpaired surrogates
     */
    public static String write(Object value) {
        JsonWriter writer = new JsonWriter();
        writer.value(value);
        return writer.out.toString();
    }

    /** The JSON of a value for a message: of bounded length, on one line. */
    static String excerpt(Object value) {
        String text = write(value);
        return text.length() <= EXCERPT ? text : text.substring(0, EXCERPT) + "...";
    }

    private void value(Object value) {
        switch (value) {
            case null -> out.append("null");
            case String string -> string(string);
            case Boolean flag -> out.append(flag);
            case Long number -> out.append(number);
            case Integer number -> out.append(number);
            case Double number -> finite(number, number);
            case Float number -> finite(number, number);
            case Map<?, ?> map -> object(map);
            case Iterable<?> list -> array(list);
            default -> throw new IllegalArgumentException("json: no form for " + value.getClass().getName());
        }
    }

    private void finite(Number number, double value) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException("json: no form for " + number + "; write null or a string instead");
        }
        out.append(number);
    }

    private void object(Map<?, ?> map) {
        char separator = '{';
        for (Map.Entry<?, ?> member : map.entrySet()) {
            if (!(member.getKey() instanceof String name)) {
                throw new IllegalArgumentException("json: the name " + member.getKey() + " is not a string");
            }
            out.append(separator);
            string(name);
            out.append(':');
            value(member.getValue());
            separator = ',';
        }
        out.append(map.isEmpty() ? "{}" : "}");
    }

    private void array(Iterable<?> list) {
        out.append('[');
        for (Iterator<?> elements = list.iterator(); elements.hasNext();) {
            value(elements.next());
            if (elements.hasNext()) {
                out.append(',');
            }
        }
        out.append(']');
    }

    private void string(String string) {
        int unpaired = unpairedSurrogate(string);
        if (unpaired >= 0) {
            throw new IllegalArgumentException("json: unpaired surrogate at character " + unpaired + " of a string");
        }
        out.append('"');
        for (int i = 0; i < string.length(); i++) {
            character(string.charAt(i));
        }
        out.append('"');
    }

    private void character(char c) {
        switch (c) {
            case '"' -> out.append("\\\"");
            case '\\' -> out.append("\\\\");
            case '\b' -> out.append("\\b");
            case '\f' -> out.append("\\f");
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            default -> {
                if (c < 0x20) {
                    out.append("\\u00").append(HEX.charAt(c >> 4)).append(HEX.charAt(c & 15));
                } else {
                    out.append(c);
                }
            }
        }
    }

    /** Index of the first surrogate without its partner, -1 if there is none; such a string has no UTF-8 form. */
    static int unpairedSurrogate(String string) {
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            boolean pair = Character.isHighSurrogate(c) && i + 1 < string.length()
                    && Character.isLowSurrogate(string.charAt(i + 1));
            if (!pair) {
                return i;
            }
            i++;
        }
        return -1;
    }
}
