package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.smallbatch.model.run.UsageException;
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

    /**
     * The checked-in configuration of a scale, for an experiment: its part may have an object {@code scale} of fields that are
     * different for it.
     */
    static Scale scale(String name, String experiment) throws IOException {
        try (InputStream in = Json.class.getResourceAsStream(name + ".json")) {
            if (in == null) {
                throw new UsageException("experiment: there is no scale '" + name + "'; there are laptop and paper");
            }
            ObjectNode all = (ObjectNode) MAPPER.readTree(in);
            if (all.path("experiments").path(experiment).get("scale") instanceof ObjectNode own) {
                all.setAll(own);
            }
            return value(all, Scale.class);
        }
    }
}
