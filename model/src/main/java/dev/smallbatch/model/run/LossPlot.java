package dev.smallbatch.model.run;

import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * {@code loss.png}: training loss, smoothed training loss and validation loss against tokens, which have a logarithmic axis; and
 * where batches change the tokens of an update and its learning rate, each on an axis of its own.
 */
public final class LossPlot {
    private static final int WIDTH = 1000;
    private static final int HEIGHT = 600;
    private static final Color RAW = new Color(190, 205, 225);
    private static final Color SMOOTH = new Color(25, 85, 165);
    private static final Color BATCH = new Color(90, 150, 70);
    private static final Color RATE = new Color(220, 160, 60);
    private static final Color EVAL = new Color(200, 60, 40);
    /** A point of the smoothed curve is the mean of this part of all lines, but near the beginning of few. */
    private static final double WINDOW = 0.05;
    private static final double EARLY_REACH = 0.15;

    private LossPlot() {}

    /**
     * Draws without a display.
     *
     * @throws IOException if the file cannot be written, or the JVM cannot draw text here
     */
    public static void write(Path file, List<Metric> metrics, String title) throws IOException {
        List<Metric> finite = metrics.stream().filter(metric -> Double.isFinite(metric.loss())).toList();
        if (finite.isEmpty()) {
            return;
        }
        PngFile.write(file, WIDTH, HEIGHT, graphics -> chart(finite, title).paint(graphics, WIDTH, HEIGHT));
    }

    private static XYChart chart(List<Metric> metrics, String title) {
        XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).title(title)
                .xAxisTitle("tokens (logarithmic)").yAxisTitle("loss, nats per token").build();
        chart.getStyler().setXAxisLogarithmic(metrics.size() > 1).setLegendPosition(Styler.LegendPosition.InsideNE)
                .setChartBackgroundColor(Color.WHITE);
        double[] tokens = metrics.stream().mapToDouble(Metric::tokens).toArray();
        double[] losses = metrics.stream().mapToDouble(Metric::loss).toArray();
        line(chart.addSeries("training", tokens, losses), RAW, 1);
        line(chart.addSeries("training, smoothed", tokens, smoothed(losses)), SMOOTH, 2.5f);
        List<Metric> evaluated = metrics.stream().filter(metric -> metric.evalLoss().isPresent()).toList();
        if (!evaluated.isEmpty()) {
            XYSeries points = chart.addSeries("validation", evaluated.stream().mapToDouble(Metric::tokens).toArray(),
                    evaluated.stream().mapToDouble(metric -> metric.evalLoss().getAsDouble()).toArray());
            line(points, EVAL, 1.5f);
            points.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(EVAL);
        }
        if (metrics.stream().mapToLong(Metric::batchTokens).distinct().count() > 1) {
            chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideN);
            beside(chart, 1, "tokens of an update", tokens, metrics.stream().mapToDouble(Metric::batchTokens).toArray(), BATCH);
            beside(chart, 2, "learning rate", tokens, metrics.stream().mapToDouble(Metric::lr).toArray(), RATE);
        }
        return chart;
    }

    /** A line with an axis of its own on the right. */
    private static void beside(XYChart chart, int axis, String what, double[] tokens, double[] values, Color color) {
        XYSeries series = chart.addSeries(what, tokens, values);
        line(series, color, 1.5f);
        series.setYAxisGroup(axis);
        chart.setYAxisGroupTitle(axis, what);
        chart.getStyler().setYAxisGroupPosition(axis, Styler.YAxisPosition.Right);
    }

    private static void line(XYSeries series, Color color, float width) {
        series.setMarker(SeriesMarkers.NONE).setLineColor(color).setLineStyle(new BasicStroke(width));
    }

    /** Means over a window that grows with the distance from the beginning, as the axis shrinks. */
    static double[] smoothed(double[] values) {
        double[] sums = new double[values.length + 1];
        for (int i = 0; i < values.length; i++) {
            sums[i + 1] = sums[i] + values[i];
        }
        double[] means = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            int reach = (int) Math.min(i * EARLY_REACH, values.length * WINDOW / 2);
            int from = Math.max(0, i - reach);
            int to = Math.min(values.length, i + reach + 1);
            means[i] = (sums[to] - sums[from]) / (to - from);
        }
        return means;
    }
}
