package dev.smallbatch.bench.experiments;

import dev.smallbatch.core.rand.RandomKey;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.Styler;

/**
 * Where momentum helps: {@code f(x, y) = x^2 + 10 y^2} from (-1, 1), each gradient coordinate G multiplied by
 * {@code 1 + sigma z}, z standard normal; {@code m = beta m + (1 - beta) g}, {@code position -= eta m}. Pure arithmetic.
 */
final class Toy implements Experiment {
    private static final int RUNS = 20_000;
    private static final double TOLERANCE = 0.15;

    /** One of the four settings, and the quartiles of its end loss that are expected. */
    record Panel(String name, int steps, double eta, double beta, double sigma, double[] expected) {}

    static final List<Panel> PANELS = List.of(
            new Panel("large batch, SGD", 10, 0.09, 0, 1 / 5.0, new double[] {0.0206, 0.0328, 0.147}),
            new Panel("large batch, momentum", 10, 0.12, 0.4, 1 / 5.0, new double[] {0.00129, 0.00228, 0.00389}),
            new Panel("small batch, SGD", 100, 0.012, 0, 1 / 0.3, new double[] {0.00126, 0.00389, 0.0117}),
            new Panel("small batch, momentum", 100, 0.012, 0.4, 1 / 0.3, new double[] {0.00112, 0.00359, 0.0112}));

    /** Sorted over the runs: x and y after each step, beginning with the start, and the end losses. */
    record Paths(double[][] x, double[][] y, double[] losses) {}

    @Override
    public String title() {
        return "momentum on a noisy quadratic: few long steps against many short ones";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        List<Paths> all = PANELS.stream().map(panel -> paths(panel, RUNS)).toList();
        List<XYChart> charts = new ArrayList<>();
        for (int i = 0; i < PANELS.size(); i++) {
            charts.add(chart(PANELS.get(i), all.get(i)));
        }
        trial.figure("toy.png", 2, charts);
        List<Claim> claims = new ArrayList<>();
        for (int i = 0; i < PANELS.size(); i++) {
            claims.add(quartiles(PANELS.get(i), all.get(i)));
        }
        double[] median = all.stream().mapToDouble(paths -> quantile(paths.losses, 0.5)).toArray();
        claims.add(Claim.of("C15", "large batch: momentum's median loss is at least 5 times lower", 5 * median[1] <= median[0],
                "%.5f against %.5f", median[1], median[0]));
        claims.add(Claim.of("C15", "small batch: momentum changes the median loss by at most 25 %",
                Math.abs(median[3] - median[2]) <= 0.25 * median[2], "%.5f against %.5f", median[3], median[2]));
        double[] x = all.getFirst().x[1];
        double[] y = all.getFirst().y[1];
        claims.add(Claim.of("path", "large batch, SGD: the first step leads to (-0.82, -0.80), within 0.01",
                Math.abs(quantile(x, 0.5) + 0.82) < 0.01 && Math.abs(quantile(y, 0.5) + 0.80) < 0.01, "(%.3f, %.3f)",
                quantile(x, 0.5), quantile(y, 0.5)));
        return claims;
    }

    private static Claim quartiles(Panel panel, Paths paths) {
        double[] found = {quantile(paths.losses, 0.25), quantile(paths.losses, 0.5), quantile(paths.losses, 0.75)};
        boolean holds = true;
        for (int i = 0; i < found.length; i++) {
            holds &= Math.abs(found[i] / panel.expected[i] - 1) <= TOLERANCE;
        }
        double[] e = panel.expected;
        return Claim.of("quartiles", panel.name + ": quartiles of the end loss as published, within 15 %", holds,
                "%.5f %.5f %.5f against %.5f %.5f %.5f", found[0], found[1], found[2], e[0], e[1], e[2]);
    }

    static Paths paths(Panel panel, int runs) {
        double[][] x = new double[panel.steps + 1][runs];
        double[][] y = new double[panel.steps + 1][runs];
        double[] losses = new double[runs];
        RandomKey key = RandomKey.of(0).fork(panel.name);
        for (int run = 0; run < runs; run++) {
            double[] position = {-1, 1};
            double[] m = new double[2];
            x[0][run] = position[0];
            y[0][run] = position[1];
            for (int step = 0; step < panel.steps; step++) {
                double[] gradient = {2 * position[0], 20 * position[1]};
                for (int i = 0; i < 2; i++) {
                    double z = key.normal(((long) run * panel.steps + step) * 2 + i);
                    m[i] = panel.beta * m[i] + (1 - panel.beta) * gradient[i] * (1 + panel.sigma * z);
                    position[i] -= panel.eta * m[i];
                }
                x[step + 1][run] = position[0];
                y[step + 1][run] = position[1];
            }
            losses[run] = position[0] * position[0] + 10 * position[1] * position[1];
        }
        Arrays.stream(x).forEach(Arrays::sort);
        Arrays.stream(y).forEach(Arrays::sort);
        Arrays.sort(losses);
        return new Paths(x, y, losses);
    }

    static double quantile(double[] sorted, double share) {
        return sorted[(int) (share * (sorted.length - 1))];
    }

    private static XYChart chart(Panel panel, Paths paths) {
        XYChart chart = Figure.chart(panel.name + ", " + panel.steps + " steps", "x", "y");
        for (double share : new double[] {0.5, 0.25, 0.75}) {
            String name = share == 0.5 ? "median path" : share == 0.25 ? "lower quartiles" : "upper quartiles";
            Figure.line(chart, name, medians(paths.x, 0.5), medians(paths.y, share));
        }
        chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideSE);
        chart.getStyler().setXAxisMin(-1.05).setXAxisMax(0.1).setYAxisMin(-1.3).setYAxisMax(1.3);
        return chart;
    }

    private static List<Double> medians(double[][] values, double share) {
        return Arrays.stream(values).map(at -> quantile(at, share)).toList();
    }
}
