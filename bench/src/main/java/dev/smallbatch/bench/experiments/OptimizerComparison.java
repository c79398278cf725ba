package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.JsonNode;
import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.model.cli.Format;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.model.run.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.knowm.xchart.XYChart;

/**
 * Every optimizer of {@code train} on the same tokens: its rates multiplied by each of some factors, further ones where the best
 * is at an end, then more seeds at the best. All else is its default, but for settings that the configuration adapts to the small
 * model.
 */
final class OptimizerComparison implements Experiment {
    /** Times that a grid may grow. */
    private static final int FURTHER = 3;

    /** Seconds of steps before they are timed, and of each round of them, of which the fastest counts. */
    private static final double WARM = 0.1;
    private static final double TIMED = 0.2;
    private static final int ROUNDS = 5;

    /** A run of the grid. */
    private record Point(OptimizerKind kind, int batch) {}

    /** What an optimizer reached at a batch size. */
    private record Reached(OptimizerKind kind, Cell best, double loss, double deviation, double state, double gradients,
            double tokensPerSecond) {}

    /** How fast steps are while nothing else runs. */
    private record Speed(double tokensPerSecond) {}

    @Override
    public String title() {
        return "every optimizer on the same tokens, each tuned";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        Trial.quieten();
        LanguageModelRun run = new LanguageModelRun(trial.scale(), ExperimentText.open(trial));
        Map<Point, TreeMap<Double, Double>> tuned = tune(trial, run);
        List<Cell> cells = new ArrayList<>();
        int seeds = trial.seeds() != null ? trial.seeds() : trial.config().path("seeds").asInt();
        for (int seed = 0; seed < seeds; seed++) {
            for (Map.Entry<Point, TreeMap<Double, Double>> point : tuned.entrySet()) {
                cells.add(cell(trial, point.getKey(), best(point.getValue())).withSeed(seed));
            }
        }
        List<Outcome<Cell, LanguageModelRun.Result>> outcomes = trial.train(run, cells);
        Map<Cell, Double> speeds = speeds(trial, cells.stream().map(cell -> cell.withSeed(0)).distinct().toList());
        Map<Integer, Map<OptimizerKind, Reached>> reached = new TreeMap<>();
        for (Point point : tuned.keySet()) {
            reached.computeIfAbsent(point.batch, any -> new LinkedHashMap<>()).put(point.kind,
                    reached(trial, point, cell(trial, point, best(tuned.get(point))), outcomes, speeds));
        }
        write(trial, reached);
        List<Claim> claims = new ArrayList<>();
        reached.forEach((batch, all) -> claims.addAll(claims(trial.config(), batch, all)));
        return claims;
    }

    /** The loss of seed 0 by the factor of the usual rates. */
    private static Map<Point, TreeMap<Double, Double>> tune(Trial trial, LanguageModelRun run) throws IOException {
        JsonNode config = trial.config();
        Map<Point, TreeMap<Double, Double>> losses = new LinkedHashMap<>();
        Map<Cell, Map.Entry<Point, Double>> open = new LinkedHashMap<>();
        double step = config.path("factor").asDouble();
        for (JsonNode batch : config.path("batch")) {
            for (OptimizerKind kind : OptimizerKind.values()) {
                Point point = new Point(kind, batch.asInt());
                if (Stream.of("with", "without").noneMatch(list -> excluded(config.path(list), list, kind))) {
                    losses.put(point, new TreeMap<>());
                    Stream.of(1 / step, 1.0, step).forEach(f -> open.put(cell(trial, point, f), Map.entry(point, f)));
                }
            }
        }
        for (int round = 0; round <= FURTHER && !open.isEmpty(); round++) {
            trial.train(run, List.copyOf(open.keySet())).forEach(outcome -> {
                Map.Entry<Point, Double> done = open.get(outcome.cell());
                losses.get(done.getKey()).put(done.getValue(), loss(outcome));
            });
            open.clear();
            losses.forEach((point, byFactor) -> {
                double best = best(byFactor);
                double next = best == byFactor.firstKey() ? best / step : best == byFactor.lastKey() ? best * step : best;
                if (next != best) {
                    open.put(cell(trial, point, next), Map.entry(point, next));
                }
            });
        }
        return losses;
    }

    private static boolean excluded(JsonNode names, String list, OptimizerKind kind) {
        boolean named = names.valueStream().anyMatch(name -> name.asText().equals(kind.option()));
        return !names.isMissingNode() && named != list.equals("with");
    }

    private static double loss(Outcome<Cell, LanguageModelRun.Result> outcome) {
        return outcome.result().loss() == null ? Double.POSITIVE_INFINITY : outcome.result().loss();
    }

    private static double best(TreeMap<Double, Double> byFactor) {
        return byFactor.entrySet().stream().min(Map.Entry.comparingByValue()).orElseThrow().getKey();
    }

    /** With all its rates multiplied; settings that are rates have names that end so. */
    private static Cell cell(Trial trial, Point point, double factor) {
        Map<String, String> settings = new HashMap<>();
        trial.config().path("settings").path(point.kind.option()).properties()
                .forEach(setting -> settings.put(setting.getKey(), setting.getValue().asText()));
        for (Setting setting : point.kind.settings()) {
            if (setting.name().endsWith("lr")) {
                String usual = settings.getOrDefault(setting.name(), setting.usual());
                settings.put(setting.name(), Format.number(Double.parseDouble(usual) * factor));
            }
        }
        double lr = point.kind.lr(trial.scale().dim(), point.batch) * factor;
        return new Cell(point.kind, point.batch, Double.parseDouble(Format.number(lr)), new TreeMap<>(settings), 0);
    }

    /** One after the other; the first time all of them are only there to be compiled. */
    private static Map<Cell, Double> speeds(Trial trial, List<Cell> cells) throws IOException {
        Path file = trial.directory().resolve("speeds.jsonl");
        if (!Files.exists(file)) {
            try (Backend backend = Backends.open("auto", trial.threads())) {
                cells.forEach(cell -> speed(trial.scale(), cell, backend.kernels()));
            }
        }
        Map<Cell, Double> speeds = new HashMap<>();
        new Sweep<>(trial.console(), 1, trial.threads(), Cell.class, Speed.class)
                .run(file, cells, (cell, kernels, progress) -> speed(trial.scale(), cell, kernels),
                        outcome -> outcome.cell().optimizer())
                .forEach(outcome -> speeds.put(outcome.cell(), outcome.result().tokensPerSecond()));
        return speeds;
    }

    private static Speed speed(Scale scale, Cell cell, Kernels kernels) {
        try (CellRun run = new CellRun(scale, cell, 1 << 20, kernels)) {
            steps(scale, run, WARM);
            double fastest = 0;
            for (int round = 0; round < ROUNDS; round++) {
                long begin = System.nanoTime();
                long steps = steps(scale, run, TIMED);
                double seconds = (System.nanoTime() - begin) * 1e-9;
                fastest = Math.max(fastest, steps * cell.batch() * scale.seqLen() / seconds);
            }
            return new Speed(fastest);
        }
    }

    /** Makes steps for some time; returns how many. */
    private static long steps(Scale scale, CellRun run, double seconds) {
        long begin = System.nanoTime();
        long steps = 0;
        while ((System.nanoTime() - begin) * 1e-9 < seconds) {
            run.train(CellRun.pattern(scale.vocabulary()), steps++);
        }
        return steps;
    }

    private static Reached reached(Trial trial, Point point, Cell best, List<Outcome<Cell, LanguageModelRun.Result>> outcomes,
            Map<Cell, Double> speeds) {
        List<Outcome<Cell, LanguageModelRun.Result>> own =
                outcomes.stream().filter(outcome -> outcome.cell().withSeed(0).equals(best)).toList();
        Losses losses = new Losses(own);
        var memory = CellRun.plan(trial.scale(), best, false);
        double parameters = trial.scale().model().parameterCount();
        return new Reached(point.kind, best, losses.mean(best), losses.deviation(best), memory.optimizerState() / parameters,
                memory.gradients() / parameters, speeds.get(best));
    }

    private static void write(Trial trial, Map<Integer, Map<OptimizerKind, Reached>> reached) throws IOException {
        List<XYChart> charts = new ArrayList<>();
        StringBuilder table = new StringBuilder();
        reached.forEach((batch, all) -> {
            table.append(Format.text("%n| batches of %d | loss | seeds | lr | bytes of state | tokens/s |%n", batch))
                    .append("|---|---:|---:|---:|---:|---:|\n");
            List<Reached> sorted = all.values().stream().sorted(Comparator.comparingDouble(Reached::loss)).toList();
            sorted.forEach(r -> table.append(Format.text("| `%s` | %.3f | %.3f | %s | %.2f%s | %,.0f |%n", r.kind.option(),
                    r.loss, r.deviation, Format.number(r.best.lr()), r.state,
                    r.gradients > 0 ? Format.text(" + %.0f", r.gradients) : "", r.tokensPerSecond)));
            List<String> names = sorted.stream().map(r -> r.kind.option()).toList();
            List<Double> losses = sorted.stream().map(Reached::loss).toList();
            charts.add(Figure.named("batches of " + batch, "bytes of state for each parameter", names,
                    sorted.stream().map(Reached::state).toList(), losses));
            charts.add(Figure.named("batches of " + batch, "thousand tokens/s on one thread", names,
                    sorted.stream().map(r -> r.tokensPerSecond / 1000).toList(), losses));
        });
        trial.console().out().print(table);
        AtomicFiles.writeText(trial.directory().resolve("table.md"), table.substring(1));
        trial.figure("optimizers.png", 2, charts);
    }

    private static List<Claim> claims(JsonNode config, int batch, Map<OptimizerKind, Reached> all) {
        Map<String, Double> losses = new HashMap<>();
        all.forEach((kind, r) -> losses.put(kind.option(), r.loss));
        List<Claim> claims = new ArrayList<>();
        for (JsonNode expected : config.path("expected")) {
            Double left = losses.get(expected.get("left").asText());
            Double right = losses.get(expected.get("right").asText());
            if (left != null && right != null) {
                boolean close = expected.has("within");
                double margin = expected.path(close ? "within" : "below").asDouble();
                String how = close ? "within " + margin + " of" : margin > 0 ? "more than " + margin + " below" : "below";
                String statement = Format.text("B=%d: %s is %s %s", batch, expected.get("left").asText(), how,
                        expected.get("right").asText());
                claims.add(Claim.of(expected.get("id").asText(), statement,
                        close ? Math.abs(left - right) <= margin : left < right - margin, "%.3f against %.3f", left, right));
            }
        }
        return claims;
    }
}
