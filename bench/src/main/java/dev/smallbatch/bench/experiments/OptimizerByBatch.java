package dev.smallbatch.bench.experiments;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The best loss of each optimizer across batch sizes, everything tuned (C3, C4, C5, C12). */
final class OptimizerByBatch implements Experiment {
    /** Half the difference that seeds make. */
    private static final double NOISE = 0.02;
    private static final double CLOSE_AT_ONE = 0.15;
    private static final double EQUAL = 0.05;

    @Override
    public String title() {
        return "SGD, Adafactor, Adam and Muon across batch sizes, each tuned";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        Losses all = trial.trainAll();
        Map<String, Losses> series = new LinkedHashMap<>();
        for (String name : List.of("sgd", "adafactor", "adam", "muon")) {
            if (!all.optimizer(name).cells().isEmpty()) {
                series.put(name, all.optimizer(name));
            }
        }
        trial.figure("optimizer-by-batch.png", 1, List.of(Figure.byBatch("best loss of each optimizer", series)));
        List<Claim> claims = new ArrayList<>();
        series.forEach((name, losses) -> claims.add(rises(name, losses)));
        claims.addAll(gaps(series));
        return claims;
    }

    private static Claim rises(String name, Losses losses) {
        List<Integer> batches = losses.batches();
        List<Double> values = losses.lowest(batches);
        return Claim.of("C3", name + ": the loss is lowest at the smallest batch and rises with it, within " + NOISE,
                Claim.ascends(values, NOISE) && values.getFirst() < values.getLast(), "B %s: %s; best at lr %s", batches,
                Claim.numbers(values), batches.stream().map(size -> losses.batch(size).best().lr()).toList());
    }

    private static List<Claim> gaps(Map<String, Losses> series) {
        Losses sgd = series.get("sgd");
        Losses adam = series.get("adam");
        List<Integer> batches = sgd.batches().stream().filter(adam.batches()::contains).toList();
        List<Double> spread = batches.stream().map(size -> {
            List<Double> values = series.values().stream().filter(losses -> losses.batches().contains(size))
                    .map(losses -> losses.batch(size).lowest()).toList();
            return values.stream().max(Double::compare).orElseThrow() - values.stream().min(Double::compare).orElseThrow();
        }).toList();
        List<Double> a = adam.lowest(batches);
        List<Double> s = sgd.lowest(batches);
        List<Double> gaps = IntStream.range(0, batches.size()).mapToObj(i -> s.get(i) - a.get(i)).toList();
        double factored = series.get("adafactor").lowest(batches).getFirst();
        return List.of(
                Claim.of("C4", "the spread of the optimizers is smallest at the smallest batch and grows, within " + NOISE,
                        Claim.ascends(spread, NOISE) && spread.getFirst() < spread.getLast(), "B %s: %s", batches,
                        Claim.numbers(spread)),
                Claim.of("C5", "SGD is within " + CLOSE_AT_ONE + " of Adam at the smallest batch, and falls behind as it grows",
                        gaps.getFirst() <= CLOSE_AT_ONE && Claim.ascends(gaps, NOISE) && gaps.getFirst() < gaps.getLast(),
                        "SGD minus Adam, B %s: %s", batches, Claim.numbers(gaps)),
                Claim.of("C12", "at the smallest batch Adafactor is within " + EQUAL + " of Adam",
                        Math.abs(factored - a.getFirst()) <= EQUAL, "%.3f against %.3f", factored, a.getFirst()));
    }
}
