package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.internal.chartpart.Chart;

/**
 * What a wrong hyperparameter costs at small and large batches: Adam's learning rate and half-lives multiplied one at a time,
 * and a map over learning rate and beta1 (C6, C7).
 */
final class Sensitivity implements Experiment {
    private static final Map<String, String> NAMES =
            Map.of("lr", "learning rate", "t1", "first half-life", "t2", "second half-life");
    /** What the paper allows any change by up to 8 to cost at batch size 1, and what it calls near the best. */
    private static final double CHEAP = 0.03;
    private static final double NEAR = 0.05;
    private static final double MAP_RANGE = 0.4;
    private static final double HIGHEST = 0.6;

    @Override
    public String title() {
        return "Adam with wrong hyperparameters at small and large batches";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        Losses all = trial.trainAll();
        JsonNode grids = trial.config().path("grids");
        List<Chart<?, ?>> charts = new ArrayList<>();
        List<Claim> claims = new ArrayList<>();
        for (String field : List.of("lr", "t1", "t2")) {
            Map<Integer, Map<Double, Double>> costs = new TreeMap<>();
            for (JsonNode grid : grids) {
                if (grid.has("factors")) {
                    costs.put(grid.path("batch").asInt(), costs(all, grid, field));
                }
            }
            if (!costs.isEmpty()) {
                charts.add(chart(field, costs));
                claims.add(cheap(field, costs));
            }
        }
        List<Map<List<Double>, Double>> maps = new ArrayList<>();
        List<Integer> batches = new ArrayList<>();
        for (JsonNode grid : grids) {
            if (!grid.has("factors")) {
                Losses cells = all.batch(grid.path("batch").asInt()).where(cell -> cell.beta1() != null);
                batches.add(grid.path("batch").asInt());
                maps.add(map(cells));
                charts.add(Figure.heatMap("B = " + batches.getLast() + ": loss above the best, at most " + MAP_RANGE,
                        "learning rate", "beta1", maps.getLast(), MAP_RANGE));
            }
        }
        trial.figure("sensitivity.png", 3, charts);
        if (!maps.isEmpty()) {
            claims.addAll(joint(batches, maps));
        }
        return claims;
    }

    /** Loss above the best of the batch size, by factor. */
    private static Map<Double, Double> costs(Losses all, JsonNode grid, String field) {
        List<Cell> cells = Grid.cells(grid);
        double best = cells.stream().mapToDouble(all::mean).min().orElseThrow();
        Map<Double, Double> costs = new TreeMap<>();
        costs.put(1.0, all.mean(cells.getFirst()) - best);
        for (JsonNode factor : grid.path("factors").path(field)) {
            Cell changed = Grid.changed(cells.getFirst(), field, factor.asDouble());
            costs.put(factor.asDouble(), all.mean(changed) - best);
        }
        return costs;
    }

    private static XYChart chart(String field, Map<Integer, Map<Double, Double>> costs) {
        XYChart chart = Figure.log2Chart(NAMES.get(field), NAMES.get(field) + " times", "loss above the best, nats");
        costs.forEach((batch, line) -> Figure.log2Line(chart, "B = " + batch, List.copyOf(line.keySet()),
                List.copyOf(line.values())));
        chart.getStyler().setYAxisMin(0.0).setYAxisMax(HIGHEST);
        return chart;
    }

    private static Claim cheap(String field, Map<Integer, Map<Double, Double>> costs) {
        List<Integer> batches = List.copyOf(costs.keySet());
        List<Double> worst = costs.values().stream()
                .map(line -> line.values().stream().max(Double::compare).orElseThrow()).toList();
        return Claim.of("C6", "a wrong " + NAMES.get(field) + ", by up to 8, costs at most " + CHEAP
                        + " at the smallest batch and more at larger ones",
                worst.getFirst() <= CHEAP && worst.getLast() > worst.getFirst(), "at most, B %s: %s", batches,
                Claim.numbers(worst));
    }

    /** Loss above the best, by learning rate and beta1. */
    private static Map<List<Double>, Double> map(Losses cells) {
        Map<List<Double>, Double> map = new LinkedHashMap<>();
        double best = cells.lowest();
        cells.cells().forEach(cell -> map.put(List.of(cell.lr(), cell.beta1()), cells.mean(cell) - best));
        return map;
    }

    private static List<Claim> joint(List<Integer> batches, List<Map<List<Double>, Double>> maps) {
        List<Double> near = maps.stream().map(Sensitivity::near).toList();
        List<Double> ranges = maps.stream().map(Sensitivity::range).toList();
        return List.of(
                Claim.of("C7", "a larger part of the (learning rate, beta1) map is within " + NEAR + " of its best at the"
                        + " smallest batch", near.getFirst() > near.getLast(), "parts, B %s: %s", batches, Claim.numbers(near)),
                Claim.of("E7", "beta1 from 0 to 0.99, at its best learning rate, moves the loss by less than 0.1 at the smallest"
                        + " batch and by more than 0.3 at the largest", ranges.getFirst() < 0.1 && ranges.getLast() > 0.3,
                        "B %s: %s", batches, Claim.numbers(ranges)));
    }

    private static double near(Map<List<Double>, Double> map) {
        return map.values().stream().filter(value -> value <= NEAR).count() / (double) map.size();
    }

    private static double range(Map<List<Double>, Double> map) {
        Map<Double, Double> best = new TreeMap<>();
        map.forEach((key, value) -> best.merge(key.getLast(), value, Math::min));
        return best.values().stream().max(Double::compare).orElseThrow();
    }
}
