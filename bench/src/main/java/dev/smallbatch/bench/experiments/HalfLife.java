package dev.smallbatch.bench.experiments;

import dev.smallbatch.model.cli.Format;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.Styler;

/** Adam with its second moment's decay fixed per step against fixed in tokens, across batch sizes (C1, C2, C10, C11). */
final class HalfLife implements Experiment {
    private static final double MARGIN = 0.03;
    private static final double NOISE = 0.02;

    @Override
    public String title() {
        return "Adam across batch sizes: beta2 fixed, or its half-life in tokens";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        Losses all = trial.trainAll();
        double beta2 = trial.config().path("beta2").asDouble();
        Losses fixed = all.where(cell -> cell.beta2() != null && cell.beta2() == beta2);
        Losses halfLife = all.where(cell -> cell.t2() != null);
        List<Integer> batches = halfLife.batches();
        int small = batches.getFirst();
        Losses swept = all.batch(small).where(cell -> cell.lr() == trial.config().path("sweptLr").asDouble());
        Map<String, Losses> series = new LinkedHashMap<>();
        series.put("beta2 = " + beta2, fixed);
        series.put(Format.text("half-life %,.0f tokens", trial.scale().t2()), halfLife);
        trial.figure("beta2-or-half-life.png", 2, List.of(
                Figure.byBatch("Adam at the best learning rate of each point", series), byBeta2(swept, trial.scale())));
        return claims(batches, fixed, halfLife, swept);
    }

    private static List<Claim> claims(List<Integer> batches, Losses fixed, Losses halfLife, Losses swept) {
        List<Claim> claims = new ArrayList<>();
        List<Double> constant = fixed.lowest(batches);
        List<Double> rule = halfLife.lowest(batches);
        claims.add(Claim.of("C1", "with a fixed half-life the smallest batch ends no higher than any other, within " + NOISE,
                rule.getFirst() <= rule.stream().min(Double::compare).orElseThrow() + NOISE, "B %s: %s", batches,
                Claim.numbers(rule)));
        claims.add(Claim.of("C2", "with beta2 fixed instead the smallest batch ends at least " + MARGIN
                + " higher, each at its best learning rate", constant.getFirst() >= rule.getFirst() + MARGIN, "%.3f against %.3f",
                constant.getFirst(), rule.getFirst()));
        List<Double> gaps = batches.stream().map(b -> constant.get(batches.indexOf(b)) - rule.get(batches.indexOf(b))).toList();
        claims.add(Claim.of("C10", "the gap of the two shrinks towards the batch size that beta2 is from, within " + NOISE / 2,
                Claim.descends(gaps, NOISE / 2) && gaps.getLast() < gaps.getFirst(), "B %s: %s", batches, Claim.numbers(gaps)));
        List<Double> small = rule.subList(0, Math.min(3, rule.size()));
        claims.add(Claim.of("C11", "with a fixed half-life the small end of the curve does not turn up, within " + NOISE,
                Claim.ascends(small, NOISE), "B %s: %s", batches.subList(0, small.size()), Claim.numbers(small)));
        List<Cell> cells = swept.where(cell -> cell.beta2() != null).cells().stream()
                .sorted(Comparator.comparingDouble(Cell::beta2)).toList();
        List<Double> losses = cells.stream().map(swept::mean).toList();
        double atRule = swept.where(cell -> cell.t2() != null).lowest();
        claims.add(Claim.of("E3", "at the smallest batch, at one learning rate, beta2 by the rule is within " + NOISE
                + " of the best of all tried, and the smallest beta2 at least 0.1 worse",
                atRule <= losses.stream().min(Double::compare).orElseThrow() + NOISE && losses.getFirst() >= atRule + 0.1,
                "rule %.3f; beta2 %s: %s", atRule, cells.stream().map(Cell::beta2).toList(), Claim.numbers(losses)));
        return claims;
    }

    private static XYChart byBeta2(Losses swept, Scale scale) {
        int batch = swept.batches().getFirst();
        XYChart chart = Figure.chart("B = " + batch + ", one learning rate", "1 / (1 - beta2), steps (logarithmic)", Figure.LOSS);
        chart.getStyler().setXAxisLogarithmic(true).setLegendPosition(Styler.LegendPosition.InsideNE);
        List<Cell> cells = swept.cells().stream().sorted(Comparator.comparingDouble(cell -> window(cell, scale))).toList();
        Figure.line(chart, "beta2", cells.stream().map(cell -> window(cell, scale)).toList(),
                cells.stream().map(swept::mean).toList());
        Cell rule = swept.where(cell -> cell.t2() != null).best();
        Figure.line(chart, "beta2 by the half-life rule", List.of(window(rule, scale)), List.of(swept.mean(rule)));
        return chart;
    }

    private static double window(Cell cell, Scale scale) {
        return 1 / cell.secondMoment().complement((long) cell.batch() * scale.seqLen());
    }
}
