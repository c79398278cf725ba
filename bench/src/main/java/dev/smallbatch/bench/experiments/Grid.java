package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.JsonNode;
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

    /** The cells of one grid with seed 0; the first is as written, before any of its {@code factors}. */
    static List<Cell> cells(JsonNode grid) {
        List<ObjectNode> products = List.of(Json.MAPPER.createObjectNode().put("seed", 0));
        for (Map.Entry<String, JsonNode> field : grid.properties()) {
            if (!OWN.contains(field.getKey())) {
                products = product(products, field.getKey(), field.getValue());
            }
        }
        List<Cell> cells = new ArrayList<>();
        for (ObjectNode settings : products) {
            Cell written = Json.value(settings, Cell.class);
            Cell cell = changed(written, "lr", Math.pow(written.batch(), grid.path("lrExponent").asDouble(0)));
            cells.add(cell);
            for (Map.Entry<String, JsonNode> factors : grid.path("factors").properties()) {
                factors.getValue().forEach(factor -> cells.add(changed(cell, factors.getKey(), factor.asDouble())));
            }
        }
        return cells;
    }

    /** The same cell with one field multiplied. */
    static Cell changed(Cell cell, String field, double factor) {
        ObjectNode settings = Json.MAPPER.valueToTree(cell);
        settings.put(field, settings.path(field).asDouble() * factor);
        return Json.value(settings, Cell.class);
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
}
