package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;

/** Records as JSON and back. */
final class Json {
    static final ObjectMapper MAPPER = new ObjectMapper();

    private Json() {}

    /** A record of a JSON object; unknown fields are refused. */
    static <T> T value(JsonNode node, Class<T> type) {
        try {
            return MAPPER.treeToValue(node, type);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("experiment: " + e.getOriginalMessage() + " in " + node, e);
        }
    }

    /** The checked-in configuration of a scale. */
    static Scale scale(String name) throws IOException {
        try (InputStream in = Json.class.getResourceAsStream(name + ".json")) {
            if (in == null) {
                throw new IllegalArgumentException("experiment: no scale '" + name + "'; there are laptop and paper");
            }
            return MAPPER.readValue(in, Scale.class);
        }
    }
}
