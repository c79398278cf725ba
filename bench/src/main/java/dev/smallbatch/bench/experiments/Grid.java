package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The cells of a grid as a configuration writes it: an object with the fields of {@link Cell}, of which any may be a list; every
 * combination is a cell. Three fields more: {@code seeds} instead of those of the experiment; {@code lrExponent} a multiplies
 * each learning rate by batch^a; {@code factors} has lists by field: the field alone is multiplied by each of them.
 */
final class Grid {
    private static final Set<String> OWN = Set.of("seeds", "lrExponent", "factors");

    private Grid() {}

    /** The cells of several grids, each once, the first seed of all before the second. */
    static List<Cell> cells(JsonNode grids, int seeds) {
        Set<Cell> cells = new LinkedHashSet<>();
        for (int seed = 0; seed < seeds; seed++) {
            for (JsonNode grid : grids) {
                if (seed < grid.path("seeds").asInt(seeds)) {
                    for (Cell cell : cells(grid)) {
                        cells.add(cell.withSeed(seed));
                    }
                }
            }
        }
        return List.copyOf(cells);
    }

    private static List<Cell> cells(JsonNode grid) {
        List<ObjectNode> products = List.of(Json.MAPPER.createObjectNode());
        for (Map.Entry<String, JsonNode> field : grid.properties()) {
            if (!OWN.contains(field.getKey())) {
                products = product(products, field.getKey(), field.getValue());
            }
        }
        List<Cell> cells = new ArrayList<>();
        for (ObjectNode settings : products) {
            double scaled = Math.pow(settings.path("batch").asInt(1), grid.path("lrExponent").asDouble(0));
            multiply(settings, "lr", scaled);
            cells.add(Json.value(settings, Cell.class));
            for (Map.Entry<String, JsonNode> factors : grid.path("factors").properties()) {
                for (JsonNode factor : factors.getValue()) {
                    ObjectNode changed = settings.deepCopy();
                    multiply(changed, factors.getKey(), factor.asDouble());
                    cells.add(Json.value(changed, Cell.class));
                }
            }
        }
        return cells;
    }

    private static List<ObjectNode> product(List<ObjectNode> products, String field, JsonNode values) {
        List<ObjectNode> all = new ArrayList<>();
        for (ObjectNode product : products) {
            for (JsonNode value : values.isArray() ? values : Json.MAPPER.createArrayNode().add(values)) {
                all.add(product.deepCopy().set(field, value));
            }
        }
        return all;
    }

    private static void multiply(ObjectNode settings, String field, double factor) {
        settings.set(field, DoubleNode.valueOf(settings.path(field).asDouble() * factor));
    }
}
