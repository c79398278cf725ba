package dev.smallbatch.bench.experiments;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.knowm.xchart.XYChart;

/** Adafactor with weights in float32, and in bf16 rounded to nearest and stochastically, across batch sizes (C14). */
final class RoundingByBatch implements Experiment {
    private static final double MARGIN = 0.05;
    private static final List<String> WEIGHTS = List.of("f32", "bf16-nearest", "bf16-stochastic");

    @Override
    public String title() {
        return "weights of 32 and 16 bits, rounded to nearest and stochastically";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        Losses all = trial.trainAll();
        double lr = trial.config().path("smallLr").asDouble();
        Losses small = all.where(cell -> cell.lr() == lr);
        List<XYChart> charts = new ArrayList<>();
        charts.add(Figure.byBatch("Adafactor, best learning rate of each point", series(all)));
        List<Claim> claims = new ArrayList<>(claims("each at its best learning rate", all));
        if (!small.cells().isEmpty()) {
            charts.addFirst(Figure.byBatch("Adafactor, learning rate " + lr, series(small)));
            claims.addAll(0, claims("at learning rate " + lr, small));
        }
        trial.figure("rounding.png", 2, charts);
        return claims;
    }

    private static Map<String, Losses> series(Losses all) {
        Map<String, Losses> series = new LinkedHashMap<>();
        WEIGHTS.forEach(weights -> series.put(weights, all.where(cell -> weights.equals(cell.weights()))));
        return series;
    }

    private static List<Claim> claims(String how, Losses all) {
        List<Integer> batches = all.batches();
        Map<String, Losses> series = series(all);
        List<Double> f32 = series.get("f32").lowest(batches);
        List<Double> nearest = penalties(series.get("bf16-nearest").lowest(batches), f32);
        List<Double> stochastic = penalties(series.get("bf16-stochastic").lowest(batches), f32);
        return List.of(
                Claim.of("C14", how + ": at the smallest batch rounding to nearest costs more than " + MARGIN
                        + ", stochastic rounding no more", nearest.getFirst() > MARGIN && stochastic.getFirst() <= MARGIN,
                        "nearest %+.3f, stochastic %+.3f", nearest.getFirst(), stochastic.getFirst()),
                Claim.of("C14", how + ": what rounding to nearest costs is largest at the smallest batch",
                        nearest.stream().allMatch(cost -> cost <= nearest.getFirst()), "B %s: nearest %s, stochastic %s", batches,
                        Claim.numbers(nearest), Claim.numbers(stochastic)));
    }

    private static List<Double> penalties(List<Double> losses, List<Double> f32) {
        return IntStream.range(0, f32.size()).mapToObj(i -> losses.get(i) - f32.get(i)).toList();
    }
}
