package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.JsonNode;
import dev.smallbatch.bench.experiments.CurvatureRun.Seen;
import dev.smallbatch.bench.experiments.CurvatureRun.Spot;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.model.cli.Format;
import dev.smallbatch.optim.batch.BatchCurvature;
import dev.smallbatch.optim.batch.SpikedScaling;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * The curvature that batches show, of random matrices and of a trained model, and the learning rates that go with it.
 *
 * @see <a href="https://arxiv.org/abs/2006.09092">Granziol, Zohren and Roberts 2022</a>
 */
final class SpectrumByBatch implements Experiment {
    private static final double CLOSE = 0.1;
    private static final double PREDICTED = 0.25;
    private static final double LINEAR = 0.75;
    private static final double FLAT = 0.25;
    private static final int POINTS = 400;
    private static final double FAINTEST = 1e-6;
    private static final String BATCH = "batch size, sequences";

    @Override
    public String title() {
        return "curvature and learning rates by batch size";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        Losses trained = trial.trainAll();
        TextBlocks text = ExperimentText.open(trial);
        CurvatureRun run;
        try (Backend backend = Backends.open("auto", trial.threads())) {
            Cell cell = Json.value(trial.config().path("trained"), Cell.class);
            run = new CurvatureRun(trial.scale(), text, new LanguageModelRun(trial.scale(), text).weights(cell,
                    backend.kernels()));
        }
        Measured measured = new Measured(trial.sweep(Spot.class, Seen.class).run(trial.directory().resolve("curvature.jsonl"),
                spots(trial.config()), (spot, kernels, progress) -> run.measure(spot, kernels),
                outcome -> Format.text("last: %s B=%d", outcome.cell().part(), outcome.cell().batch())));
        int few = trial.config().path("fit").path(0).asInt();
        int many = trial.config().path("fit").path(1).asInt();
        SpikedScaling fit = SpikedScaling.fit(few, measured.mean("largest", few), many, measured.mean("largest", many));
        trial.figure("spectrum.png", 3, List.of(random(measured), densities("the loss's Hessian on a batch", "density", measured),
                densities("what a batch adds to it", "noise", measured), curvature(measured, fit), stable(measured, trained),
                LearningRateByBatch.byBatch(trained.batches(), bestRates(trained.optimizer("adam")))));
        return List.of(
                near("S1", "the largest eigenvalue of X'X/B, X of B rows of 200 normal numbers, is (1 + sqrt(200/B))^2", CLOSE,
                        measured, "random", rows -> predicted("random", rows)),
                near("S2", "with an eigenvalue of 11 over that noise it is 11 (1 + 20/B)", CLOSE, measured, "spiked",
                        rows -> predicted("spiked", rows)),
                descent(measured), falls(measured, fit),
                near("S5", "lambda(B) = a + b/B through B " + few + " and " + many + " is what the model shows", PREDICTED,
                        measured, "largest", fit::largest),
                stable(measured), adam(trained));
    }

    private static List<Spot> spots(JsonNode config) {
        List<Spot> spots = new ArrayList<>();
        for (JsonNode part : config.path("spots")) {
            for (JsonNode batch : part.path("batch")) {
                for (int seed = 0; seed < part.path("seeds").asInt(); seed++) {
                    spots.add(new Spot(part.path("part").asText(), batch.asInt(), part.path("steps").asInt(), seed));
                }
            }
        }
        return spots;
    }

    /** What was measured, by part and batch size. */
    private record Measured(List<Outcome<Spot, Seen>> all) {
        List<Integer> batches(String part) {
            return all.stream().map(Outcome::cell).filter(spot -> spot.part().equals(part)).map(Spot::batch).distinct().sorted()
                    .toList();
        }

        List<Seen> of(String part, int batch) {
            return all.stream().filter(outcome -> outcome.cell().part().equals(part) && outcome.cell().batch() == batch)
                    .map(Outcome::result).toList();
        }

        /** Of the largest eigenvalue, or the rate, over the seeds. */
        double mean(String part, int batch) {
            return of(part, batch).stream().mapToDouble(seen -> part.equals("largest") ? seen.spectrum().largest()
                    : seen.values()[0]).average().orElseThrow();
        }

        List<Double> means(String part) {
            return batches(part).stream().map(batch -> mean(part, batch)).toList();
        }
    }

    private static double predicted(String part, double rows) {
        return BatchCurvature.multiplicative(part.equals("spiked") ? RandomMatrix.SPIKE - 1 : 0, 1, RandomMatrix.COLUMNS / rows);
    }

    /** Whether the largest eigenvalues are what a formula says. */
    private static Claim near(String id, String statement, double permitted, Measured measured, String part,
            DoubleUnaryOperator formula) {
        List<Double> errors = measured.batches(part).stream()
                .map(batch -> Math.abs(measured.mean(part, batch) / formula.applyAsDouble(batch) - 1)).toList();
        return Claim.of(id, statement + ", within " + permitted + " of it", Collections.max(errors) <= permitted,
                "B %s: %s; off by at most %.3f", measured.batches(part), Claim.numbers(measured.means(part)),
                Collections.max(errors));
    }

    private static Claim descent(Measured measured) {
        List<Seen> all = measured.batches("random").stream().flatMap(rows -> measured.of("random", rows).stream()).toList();
        double below = all.stream().mapToDouble(seen -> seen.values()[1]).max().orElseThrow();
        double above = all.stream().mapToDouble(seen -> seen.values()[2]).min().orElseThrow();
        return Claim.of("S3", "descent on it converges with a rate 2 % below 2/lambda and diverges 2 % above",
                below < 1 && above > 1, "loss over that at the start: at most %.3f below, at least %.1e above", below, above);
    }

    private static Claim falls(Measured measured, SpikedScaling fit) {
        List<Double> largest = measured.means("largest");
        return Claim.of("S4", "a batch shows more curvature than there is: lambda falls as the batch grows, within " + CLOSE,
                Claim.descends(largest.stream().map(Math::log).toList(), CLOSE),
                "%.2f with one sequence, %.2f with the most; of all %.2f, critical batch %.1f sequences", largest.getFirst(),
                largest.getLast(), fit.lambda(), fit.criticalBatch());
    }

    private static Claim stable(Measured measured) {
        List<Integer> batches = measured.batches("stable");
        List<Double> stable = measured.means("stable");
        double start = exponent(batches, stable, 0, 2);
        double end = exponent(batches, stable, stable.size() / 2, stable.size() - 1);
        return Claim.of("S6", "SGD's largest stable rate grows linearly with the smallest batches (exponent at least " + LINEAR
                + ") and hardly with large ones (at most " + FLAT + ")", start >= LINEAR && end <= FLAT,
                "exponents %.2f and %.2f; B %s: %s", start, end, batches, Claim.numbers(stable));
    }

    private static Claim adam(Losses trained) {
        List<Integer> batches = trained.batches();
        List<Double> best = bestRates(trained.optimizer("adam"));
        return Claim.of("S7", "Adam's best rate grows no faster than the root of the batch",
                exponent(batches, best, 0, best.size() - 1) <= 0.5, "exponent %.2f (SGD's: %.2f); B %s: %s",
                exponent(batches, best, 0, best.size() - 1),
                exponent(batches, bestRates(trained.optimizer("sgd")), 0, best.size() - 1), batches, Claim.numbers(best));
    }

    private static double exponent(List<Integer> batches, List<Double> rates, int from, int to) {
        return Math.log(rates.get(to) / rates.get(from)) / Math.log((double) batches.get(to) / batches.get(from));
    }

    private static List<Double> bestRates(Losses losses) {
        return losses.batches().stream().map(size -> LearningRateByBatch.bestRate(losses.batch(size))).toList();
    }

    private static XYChart chart(String title, String x, String y) {
        XYChart chart = Figure.log2Chart(title, x, y);
        chart.getStyler().setYAxisLogarithmic(true);
        return chart;
    }

    private static List<Double> along(List<Integer> batches, DoubleUnaryOperator value) {
        return batches.stream().map(batch -> value.applyAsDouble(batch)).toList();
    }

    private static void line(XYChart chart, String name, List<Integer> batches, List<Double> values) {
        Figure.log2Line(chart, name, along(batches, batch -> batch), values);
    }

    private static XYChart random(Measured measured) {
        XYChart chart = Figure.chart("X'X / B, X of B rows of 200", "rows B (logarithmic)", "largest eigenvalue (logarithmic)");
        chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true).setLegendPosition(Styler.LegendPosition.InsideSW);
        for (String part : List.of("random", "spiked")) {
            List<Double> rows = along(measured.batches(part), batch -> batch);
            Figure.line(chart, part, rows, measured.means(part));
            Figure.line(chart, part + ", formula", rows, along(measured.batches(part), batch -> predicted(part, batch)));
        }
        return chart;
    }

    /** Each batch size's eigenvalues, widened by a hundredth of the range. */
    private static XYChart densities(String title, String part, Measured measured) {
        XYChart chart = Figure.chart(title, "eigenvalue", "density (logarithmic)");
        chart.getStyler().setYAxisLogarithmic(true);
        chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
        for (int batch : measured.batches(part)) {
            Seen seen = measured.of(part, batch).getFirst();
            double width = seen.spectrum().largest() - seen.spectrum().smallest();
            List<Double> x = IntStream.rangeClosed(0, POINTS)
                    .mapToObj(i -> seen.spectrum().smallest() + width * (1.04 * i / POINTS - 0.02)).toList();
            Figure.line(chart, "B = " + batch, x,
                    x.stream().map(at -> Math.max(FAINTEST, seen.spectrum().density(at, width / 200))).toList());
        }
        chart.getSeriesMap().values().forEach(series -> series.setMarker(SeriesMarkers.NONE));
        return chart;
    }

    private static XYChart curvature(Measured measured, SpikedScaling fit) {
        XYChart chart = chart("largest curvature of the model", BATCH, "largest eigenvalue (logarithmic)");
        chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
        List<Integer> batches = measured.batches("largest");
        line(chart, "measured", batches, measured.means("largest"));
        line(chart, "a + b / B through two of them", batches, along(batches, fit::largest));
        return chart;
    }

    private static XYChart stable(Measured measured, Losses trained) {
        XYChart chart = chart("rates of SGD", BATCH, "learning rate (logarithmic)");
        List<Integer> batches = measured.batches("stable");
        List<Double> stable = measured.means("stable");
        line(chart, "largest stable, at the trained model", batches, stable);
        line(chart, "2 / largest curvature there", batches,
                along(batches, batch -> BatchCurvature.largestStable(measured.mean("largest", (int) batch), 0)));
        line(chart, "linear", batches, along(batches, batch -> stable.getFirst() * batch / batches.getFirst()));
        line(chart, "best peak of a whole run", trained.batches(), bestRates(trained.optimizer("sgd")));
        return chart;
    }
}
