package dev.smallbatch.model.gpt;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableSet;
import com.google.common.collect.Sets;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.model.layer.Norm;
import java.io.IOException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;

/**
 * A {@link GptConfig} as JSON: one object, every key required but that of a stable embedding, which is there if it is true, no
 * others allowed. Enumerations are in lower case.
 */
public final class GptConfigJson {
    private static final int FORMAT = 1;
    private static final ImmutableList<String> KEYS = ImmutableList.of("format", "layers", "dim", "heads", "seq_len",
            "vocabulary_size", "norm", "qk_norm", "positions", "biases", "tied_head", "activation", "init");
    private static final String STABLE = "stable_embedding";
    private static final ObjectMapper MAPPER = new ObjectMapper()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS, DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY);

    private final JsonNode node;
    private final String source;

    private GptConfigJson(JsonNode node, String source) {
        this.node = node;
        this.source = source;
    }

    /** The object, for a file of its own or as a part of another. */
    public static ObjectNode write(GptConfig config) {
        ObjectNode node = JsonNodeFactory.instance.objectNode()
                .put("format", FORMAT)
                .put("layers", config.layers())
                .put("dim", config.dim())
                .put("heads", config.heads())
                .put("seq_len", config.seqLen())
                .put("vocabulary_size", config.vocabularySize())
                .put("norm", lowerCase(config.norm()))
                .put("qk_norm", config.qkNorm())
                .put("positions", lowerCase(config.positions()))
                .put("biases", config.biases())
                .put("tied_head", config.tiedHead())
                .put("activation", lowerCase(config.activation()))
                .put("init", lowerCase(config.init()));
        return config.stableEmbedding() ? node.put(STABLE, true) : node;
    }

    /**
     * Parses and reads the text of a file.
     *
     * @param source the file's name, which errors begin with
     * @throws IOException if the text is not JSON, or not what {@link #write} makes
     */
    public static GptConfig parse(String text, String source) throws IOException {
        try {
            return read(MAPPER.readTree(text), source);
        } catch (JsonProcessingException e) {
            throw new IOException(source + ": not JSON: " + e.getOriginalMessage() + " (line " + e.getLocation().getLineNr()
                    + "); it was truncated or edited, restore it", e);
        }
    }

    /**
     * Reads what {@link #write} made.
     *
     * @param source where the object is from, which errors begin with
     * @throws IOException if a key is missing, unknown, of another type, or its value impossible
     */
    public static GptConfig read(JsonNode node, String source) throws IOException {
        return new GptConfigJson(node, source).read();
    }

    private GptConfig read() throws IOException {
        if (!node.isObject()) {
            throw new IOException(source + ": a model's configuration is a JSON object, found " + node.getNodeType());
        }
        if (node.has("format") && integer("format") != FORMAT) {
            throw new IOException(source + ": format " + node.get("format") + ", this build reads " + FORMAT
                    + "; use a newer build");
        }
        requireKeys();
        Norm.Kind norm = constant(Norm.Kind.class, "norm");
        GptConfig.Positions positions = constant(GptConfig.Positions.class, "positions");
        Activation activation = constant(Activation.class, "activation");
        GptConfig.Initialization init = constant(GptConfig.Initialization.class, "init");
        try {
            return new GptConfig(integer("layers"), integer("dim"), integer("heads"), integer("seq_len"),
                    integer("vocabulary_size"), norm, truth("qk_norm"), positions, truth("biases"), truth("tied_head"),
                    activation, init, node.has(STABLE) && truth(STABLE));
        } catch (IllegalArgumentException e) {
            throw new IOException(source + ": " + e.getMessage(), e);
        }
    }

    private void requireKeys() throws IOException {
        Set<String> present = ImmutableSet.copyOf(node.fieldNames());
        Set<String> known = ImmutableSet.copyOf(KEYS);
        Set<String> missing = Sets.difference(known, present);
        Set<String> unknown = Sets.difference(present, Sets.union(known, Set.of(STABLE)));
        if (!missing.isEmpty() || !unknown.isEmpty()) {
            throw new IOException(source + ": " + (missing.isEmpty() ? "" : "missing keys " + missing + "; ")
                    + (unknown.isEmpty() ? "" : "unknown keys " + unknown + "; ") + "a configuration has exactly " + KEYS);
        }
    }

    private int integer(String key) throws IOException {
        JsonNode value = node.get(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw wrong(key, "an integer");
        }
        return value.intValue();
    }

    private boolean truth(String key) throws IOException {
        if (!node.get(key).isBoolean()) {
            throw wrong(key, "true or false");
        }
        return node.get(key).booleanValue();
    }

    private <E extends Enum<E>> E constant(Class<E> type, String key) throws IOException {
        for (E constant : type.getEnumConstants()) {
            if (lowerCase(constant).equals(node.get(key).textValue())) {
                return constant;
            }
        }
        throw wrong(key, "one of " + Arrays.stream(type.getEnumConstants()).map(GptConfigJson::lowerCase).toList());
    }

    private IOException wrong(String key, String expected) {
        return new IOException(source + ": " + key + " is " + node.get(key) + ", must be " + expected);
    }

    private static String lowerCase(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
