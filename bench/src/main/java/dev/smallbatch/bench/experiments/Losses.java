package dev.smallbatch.bench.experiments;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** The end losses of runs: means over seeds, minima over what is tuned. A run that diverged has an infinite loss. */
final class Losses {
    private final Map<Cell, List<Double>> bySettings = new LinkedHashMap<>();

    Losses(List<Outcome<Cell, LanguageModelRun.Result>> outcomes) {
        for (Outcome<Cell, LanguageModelRun.Result> outcome : outcomes) {
            bySettings.computeIfAbsent(outcome.cell().withSeed(0), any -> new ArrayList<>())
                    .add(outcome.result().loss() == null ? Double.POSITIVE_INFINITY : outcome.result().loss());
        }
    }

    private Losses(Losses all, Predicate<Cell> kept) {
        all.bySettings.forEach((cell, losses) -> {
            if (kept.test(cell)) {
                bySettings.put(cell, losses);
            }
        });
    }

    /** Those of some settings; seeds are 0. */
    Losses where(Predicate<Cell> kept) {
        return new Losses(this, kept);
    }

    /** The settings, seeds left out. */
    List<Cell> cells() {
        return List.copyOf(bySettings.keySet());
    }

    /** Mean over the seeds of settings. */
    double mean(Cell cell) {
        return bySettings.get(cell.withSeed(0)).stream().mapToDouble(loss -> loss).average().orElseThrow();
    }

    /** Standard deviation over the seeds of settings; 0 of a single one. */
    double deviation(Cell cell) {
        List<Double> losses = bySettings.get(cell.withSeed(0));
        double mean = mean(cell);
        return Math.sqrt(losses.stream().mapToDouble(loss -> (loss - mean) * (loss - mean)).sum()
                / Math.max(1, losses.size() - 1));
    }

    /** The settings with the lowest mean. */
    Cell best() {
        return bySettings.keySet().stream().min(Comparator.comparingDouble(this::mean)).orElseThrow(
                () -> new IllegalStateException("experiment: no run to choose from; the grid has none of these settings"));
    }

    /** The lowest mean. */
    double lowest() {
        return mean(best());
    }

    /** Those of a batch size. */
    Losses batch(int size) {
        return where(cell -> cell.batch() == size);
    }

    /** Those of an optimizer. */
    Losses optimizer(String name) {
        return where(cell -> cell.optimizer().equals(name));
    }

    /** The batch sizes there are, ascending. */
    List<Integer> batches() {
        return bySettings.keySet().stream().map(Cell::batch).distinct().sorted().toList();
    }

    /** The lowest mean of each batch size. */
    List<Double> lowest(List<Integer> batches) {
        return batches.stream().map(size -> batch(size).lowest()).toList();
    }
}
