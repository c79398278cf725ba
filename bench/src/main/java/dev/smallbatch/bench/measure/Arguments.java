package dev.smallbatch.bench.measure;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The arguments of a main class: options {@code --name value}, of which there are those with a default, and words without a
 * name. An option whose default is {@code false} is a flag and takes no value.
 */
public final class Arguments {
    private static final String FLAG_OFF = "false";

    private final Map<String, String> values;
    private final List<String> words = new ArrayList<>();

    private Arguments(Map<String, String> defaults) {
        values = new LinkedHashMap<>(defaults);
    }

    /**
     * @param defaults every option there is
     * @throws IllegalArgumentException if an option is unknown or lacks its value
     */
    public static Arguments parse(Map<String, String> defaults, String... arguments) {
        Arguments parsed = new Arguments(defaults);
        for (int i = 0; i < arguments.length; i++) {
            if (!arguments[i].startsWith("--")) {
                parsed.words.add(arguments[i]);
                continue;
            }
            String name = arguments[i].substring(2);
            if (!defaults.containsKey(name)) {
                throw new IllegalArgumentException("arguments: no option " + arguments[i] + "; there are --"
                        + String.join(", --", defaults.keySet().stream().sorted().toList()));
            }
            boolean flag = defaults.get(name).equals(FLAG_OFF);
            if (!flag && i + 1 == arguments.length) {
                throw new IllegalArgumentException("arguments: " + arguments[i] + " is last; a value must follow it");
            }
            parsed.values.put(name, flag ? "true" : arguments[++i]);
        }
        return parsed;
    }

    public String text(String name) {
        return values.get(name);
    }

    public boolean flag(String name) {
        return !values.get(name).equals(FLAG_OFF);
    }

    public int integer(String name) {
        try {
            return Integer.parseInt(values.get(name));
        } catch (NumberFormatException e) {
            throw notANumber(name, "a whole number", e);
        }
    }

    public double number(String name) {
        try {
            return Double.parseDouble(values.get(name));
        } catch (NumberFormatException e) {
            throw notANumber(name, "a number", e);
        }
    }

    private IllegalArgumentException notANumber(String name, String expected, NumberFormatException cause) {
        return new IllegalArgumentException(
                "arguments: --" + name + " is '" + values.get(name) + "', must be " + expected, cause);
    }

    /** What is no option, in order. */
    public List<String> words() {
        return List.copyOf(words);
    }
}
