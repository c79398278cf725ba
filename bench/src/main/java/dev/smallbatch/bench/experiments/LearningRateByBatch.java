package dev.smallbatch.bench.experiments;

import dev.smallbatch.model.cli.Format;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.knowm.xchart.XYChart;

/** How Adam's best learning rate and beta1 follow the batch size (C8, C9). */
final class LearningRateByBatch implements Experiment {
    private static final double PAPER_EXPONENT = 0.158;
    private static final double SLOW_EXPONENT = 0.25;
    private static final double CLOSE = 0.03;
    private static final double GOOD = 0.1;
    private static final double BETA1 = 0.9;

    @Override
    public String title() {
        return "Adam's best learning rate and beta1 across batch sizes";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        Losses all = trial.trainAll();
        Losses usual = all.where(cell -> cell.beta1() == null || cell.beta1() == BETA1);
        Losses swept = all.where(cell -> cell.beta1() != null);
        List<Integer> batches = all.batches();
        List<Double> best = batches.stream().map(size -> bestRate(usual.batch(size))).toList();
        trial.figure("learning-rate-by-batch.png", 3,
                List.of(byRate(usual, batches), byBatch(batches, best), byBeta1(swept, batches)));
        return List.of(slow(batches, best), wide(usual, batches), beta1(swept, batches));
    }

    /** The lowest point of the parabola through the best rate and its neighbours, over the logarithm. */
    static double bestRate(Losses losses) {
        List<Cell> cells = sorted(losses);
        int i = cells.indexOf(losses.best());
        if (i == 0 || i == cells.size() - 1) {
            return cells.get(i).lr();
        }
        double[] y = {losses.mean(cells.get(i - 1)), losses.mean(cells.get(i)), losses.mean(cells.get(i + 1))};
        double curvature = y[0] - 2 * y[1] + y[2];
        double step = Math.log(cells.get(i + 1).lr() / cells.get(i).lr());
        return cells.get(i).lr() * (Double.isFinite(curvature) ? Math.exp(step * (y[0] - y[2]) / (2 * curvature)) : 1);
    }

    private static List<Cell> sorted(Losses losses) {
        return losses.cells().stream().sorted(Comparator.comparingDouble(Cell::lr)).toList();
    }

    private static Claim slow(List<Integer> batches, List<Double> best) {
        double exponent = Math.log(best.getLast() / best.getFirst()) / Math.log((double) batches.getLast() / batches.getFirst());
        return Claim.of("C8", "the best learning rate grows far more slowly than the root of the batch size: exponent at most "
                        + SLOW_EXPONENT + " (the paper's is " + PAPER_EXPONENT + ")", exponent <= SLOW_EXPONENT,
                "exponent %.2f; best rates, B %s: %s", exponent, batches,
                String.join(" ", best.stream().map(rate -> Format.text("%.4f", rate)).toList()));
    }

    private static Claim wide(Losses usual, List<Integer> batches) {
        List<Double> octaves = batches.stream().map(size -> octaves(usual.batch(size))).toList();
        return Claim.of("C6", "the region of learning rates within " + GOOD + " of the best is wider at the smallest batch than"
                + " at the largest", octaves.getFirst() > octaves.getLast(), "octaves, B %s: %s", batches,
                Claim.numbers(octaves));
    }

    /** Width of the good region in factors of two, between grid points by linear interpolation. */
    static double octaves(Losses losses) {
        List<Cell> cells = sorted(losses);
        double limit = losses.lowest() + GOOD;
        double width = 0;
        for (int i = 1; i < cells.size(); i++) {
            double octave = Math.log(cells.get(i).lr() / cells.get(i - 1).lr()) / Math.log(2);
            double low = Math.min(losses.mean(cells.get(i - 1)), losses.mean(cells.get(i)));
            double high = Math.max(losses.mean(cells.get(i - 1)), losses.mean(cells.get(i)));
            width += high <= limit ? octave : low < limit ? octave * (limit - low) / (high - low) : 0;
        }
        return width;
    }

    private static Claim beta1(Losses swept, List<Integer> batches) {
        double usual = swept.cells().stream().map(Cell::beta1).min(Comparator.comparingDouble(beta -> Math.abs(beta - BETA1)))
                .orElseThrow();
        List<Double> costs = batches.stream()
                .map(size -> swept.batch(size).where(cell -> cell.beta1() == usual).lowest() - swept.batch(size).lowest())
                .toList();
        return Claim.of("C9", "beta1 = 0.9 is within " + CLOSE + " of the best beta1 at every batch size",
                costs.stream().allMatch(cost -> cost <= CLOSE), "above the best, B %s: %s; best beta1 %s", batches,
                Claim.numbers(costs), batches.stream().map(size -> swept.batch(size).best().beta1()).toList());
    }

    private static XYChart byRate(Losses usual, List<Integer> batches) {
        XYChart chart = Figure.chart("each batch size", "peak learning rate (logarithmic)", Figure.LOSS);
        chart.getStyler().setXAxisLogarithmic(true);
        for (int size : batches) {
            List<Cell> cells = sorted(usual.batch(size));
            Figure.line(chart, "B = " + size, cells.stream().map(Cell::lr).toList(),
                    cells.stream().map(usual::mean).toList());
        }
        return chart;
    }

    /** Best rates beside what has been said of them. */
    static XYChart byBatch(List<Integer> batches, List<Double> best) {
        XYChart chart = Figure.log2Chart("Adam's best learning rate", "batch size, sequences",
                "peak learning rate (logarithmic)");
        chart.getStyler().setYAxisLogarithmic(true);
        List<Double> x = batches.stream().map(Integer::doubleValue).toList();
        Figure.log2Line(chart, "measured", x, best);
        Figure.log2Line(chart, "square root", x,
                x.stream().map(size -> best.getFirst() * Math.sqrt(size / x.getFirst())).toList());
        Figure.log2Line(chart, "exponent 0.158, the paper's", x,
                x.stream().map(size -> best.getFirst() * Math.pow(size / x.getFirst(), PAPER_EXPONENT)).toList());
        return chart;
    }

    private static XYChart byBeta1(Losses all, List<Integer> batches) {
        XYChart chart = Figure.chart("best learning rate of each point", "1 / (1 - beta1), steps (logarithmic)", Figure.LOSS);
        chart.getStyler().setXAxisLogarithmic(true);
        for (int size : batches) {
            Losses losses = all.batch(size);
            List<Double> betas = new ArrayList<>(losses.cells().stream().map(Cell::beta1).distinct().sorted().toList());
            Figure.line(chart, "B = " + size, betas.stream().map(beta -> 1 / (1 - beta)).toList(),
                    betas.stream().map(beta -> losses.where(cell -> cell.beta1().equals(beta)).lowest()).toList());
        }
        return chart;
    }
}
