package dev.smallbatch.model.run;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/**
 * The values of all {@link Setting}s of an optimizer, in the order of its list; made by {@link OptimizerKind#settings}.
 *
 * @param values by name, as {@link Setting} writes them
 */
public record Settings(SequencedMap<String, String> values) {
    /** Of an optimizer without any. */
    public static final Settings NONE = new Settings(new LinkedHashMap<>());

    public Settings {
        values = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(values));
    }

    double number(String name) {
        return Double.parseDouble(text(name));
    }

    int whole(String name) {
        return (int) number(name);
    }

    /** The constant that a word stands for. */
    <E extends Enum<E>> E constant(Class<E> type, String name) {
        return Enum.valueOf(type, Names.constant(text(name)));
    }

    String text(String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("settings: there is no '" + name + "' in " + values);
        }
        return value;
    }

    /** For example {@code matrix-lr 0.02, beta 0.95}; empty if there are none. */
    @Override
    public String toString() {
        return values.entrySet().stream().map(s -> s.getKey() + " " + s.getValue()).collect(Collectors.joining(", "));
    }
}
