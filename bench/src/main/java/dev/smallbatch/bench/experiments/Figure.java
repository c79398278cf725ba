package dev.smallbatch.bench.experiments;

import dev.smallbatch.model.cli.Format;
import dev.smallbatch.model.run.PngFile;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.knowm.xchart.AnnotationText;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Charts as the paper draws them, side by side in a PNG. */
final class Figure {
    static final String LOSS = "validation loss, nats per token";

    private static final int WIDTH = 640;
    private static final int HEIGHT = 460;
    private static final float LINE = 2.2f;
    private static final int MARKER = 8;
    /** Parts of the axes that the name of a point takes. */
    private static final double LABEL_ROOM = 0.18;
    private static final double LABEL_HEIGHT = 0.04;
    /** Distinct in print and for the colour-blind. */
    private static final Color[] COLORS = {new Color(0, 114, 178), new Color(213, 94, 0), new Color(0, 158, 115),
        new Color(204, 121, 167), new Color(86, 180, 233), new Color(90, 90, 90), new Color(230, 159, 0)};
    private static final Marker[] MARKERS = {SeriesMarkers.CIRCLE, SeriesMarkers.SQUARE, SeriesMarkers.DIAMOND,
        SeriesMarkers.TRIANGLE_UP, SeriesMarkers.CROSS, SeriesMarkers.TRIANGLE_DOWN, SeriesMarkers.PLUS};

    private Figure() {}

    /** Draws charts into one file, row by row. */
    static void write(Path file, int columns, List<? extends Chart<?, ?>> charts) throws IOException {
        int rows = Math.ceilDiv(charts.size(), columns);
        PngFile.write(file, columns * WIDTH, rows * HEIGHT, graphics -> {
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, columns * WIDTH, rows * HEIGHT);
            for (int i = 0; i < charts.size(); i++) {
                var corner = graphics.create(i % columns * WIDTH, i / columns * HEIGHT, WIDTH, HEIGHT);
                charts.get(i).paint((Graphics2D) corner, WIDTH, HEIGHT);
                corner.dispose();
            }
        });
    }

    /** An empty chart with linear axes. */
    static XYChart chart(String title, String x, String y) {
        XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle(x).yAxisTitle(y).build();
        style(chart);
        chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNW);
        return chart;
    }

    private static void style(Chart<? extends AxesChartStyler, ?> chart) {
        chart.getStyler().setChartBackgroundColor(Color.WHITE)
                .setLegendBorderColor(new Color(200, 200, 200)).setPlotBorderVisible(true)
                .setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 15))
                .setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
        chart.getStyler().setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 14))
                .setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13)).setPlotGridLinesColor(new Color(225, 225, 225));
    }

    /** A chart whose horizontal axis is the base-2 logarithm of what it is labelled with; for {@link #log2Line}. */
    static XYChart log2Chart(String title, String x, String y) {
        XYChart chart = chart(title, x, y);
        chart.getStyler().setXAxisTickMarkSpacingHint(40);
        chart.getStyler().setxAxisTickLabelsFormattingFunction(Figure::powerOfTwo);
        return chart;
    }

    private static String powerOfTwo(double exponent) {
        if (Math.abs(exponent - Math.rint(exponent)) > 1e-6) {
            return "";
        }
        return exponent >= 0 ? Long.toString(1L << (int) Math.rint(exponent)) : "1/" + (1L << (int) Math.rint(-exponent));
    }

    /** Adds points joined by a line; those that are not finite are left out, and so is a series without points. */
    static void line(XYChart chart, String name, List<Double> x, List<Double> y) {
        line(chart, name, x, y, null);
    }

    /** The same, with half the length of an error bar for each point; null for none. */
    private static void line(XYChart chart, String name, List<Double> x, List<Double> y, List<Double> errors) {
        List<Integer> finite = IntStream.range(0, x.size())
                .filter(i -> Double.isFinite(x.get(i)) && Double.isFinite(y.get(i))).boxed().toList();
        if (finite.isEmpty()) {
            return;
        }
        int number = chart.getSeriesMap().size();
        XYSeries series = chart.addSeries(name, finite.stream().map(x::get).toList(), finite.stream().map(y::get).toList(),
                errors == null ? null : finite.stream().map(errors::get).toList());
        Color color = COLORS[number % COLORS.length];
        series.setMarkerColor(color).setMarker(MARKERS[number % MARKERS.length]).setLineColor(color)
                .setLineStyle(new BasicStroke(LINE));
        chart.getStyler().setMarkerSize(MARKER);
    }

    /** The same over the base-2 logarithm of x. */
    static void log2Line(XYChart chart, String name, List<Double> x, List<Double> y) {
        line(chart, name, log2(x), y);
    }

    private static List<Double> log2(List<Double> x) {
        return x.stream().map(value -> Math.log(value) / Math.log(2)).toList();
    }

    /** The lowest mean loss of each batch size, a line for each series; bars are standard deviations over seeds. */
    static XYChart byBatch(String title, Map<String, Losses> series) {
        XYChart chart = log2Chart(title, "batch size, sequences", LOSS);
        series.forEach((name, losses) -> {
            List<Integer> batches = losses.batches();
            line(chart, name, log2(batches.stream().map(Integer::doubleValue).toList()), losses.lowest(batches),
                    batches.stream().map(size -> losses.deviation(losses.batch(size).best())).toList());
        });
        return chart;
    }

    /** Points with their names beside them, moved apart where they would lie upon each other; from the lowest up. */
    static XYChart named(String title, String x, List<String> names, List<Double> xs, List<Double> ys) {
        XYChart chart = chart(title, x, LOSS);
        chart.getStyler().setLegendVisible(false).setAnnotationTextFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
        chart.getStyler().setDefaultSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
        List<Integer> finite = IntStream.range(0, ys.size()).filter(i -> Double.isFinite(ys.get(i))).boxed().toList();
        if (finite.isEmpty()) {
            return chart;
        }
        line(chart, "all", finite.stream().map(xs::get).toList(), finite.stream().map(ys::get).toList());
        double width = Collections.max(xs) * LABEL_ROOM;
        double height = (ys.get(finite.getLast()) - ys.get(finite.getFirst())) * LABEL_HEIGHT;
        chart.getStyler().setXAxisMin(0.0).setXAxisMax(Collections.max(xs) + width);
        List<Integer> placed = new ArrayList<>();
        double[] at = new double[ys.size()];
        for (int i : finite) {
            at[i] = placed.stream().filter(j -> Math.abs(xs.get(j) - xs.get(i)) < width).mapToDouble(j -> at[j] + height)
                    .reduce(ys.get(i), Math::max);
            placed.add(i);
            chart.addAnnotation(new AnnotationText(names.get(i), xs.get(i) + width / 2, at[i], false));
        }
        return chart;
    }

    /** Values from 0 up to a limit by (x, y), each of which becomes a column or a row of equal size. */
    static HeatMapChart heatMap(String title, String x, String y, Map<List<Double>, Double> values, double limit) {
        List<Double> columns = values.keySet().stream().map(List::getFirst).distinct().sorted().toList();
        List<Double> rows = values.keySet().stream().map(List::getLast).distinct().sorted().toList();
        List<Number[]> cells = new ArrayList<>();
        values.forEach((key, value) -> cells.add(new Number[] {columns.indexOf(key.getFirst()), rows.indexOf(key.getLast()),
            Math.min(limit, value)}));
        HeatMapChart chart = new HeatMapChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle(x).yAxisTitle(y)
                .build();
        chart.getStyler().setMin(0).setMax(limit).setShowValue(true).setHeatMapValueDecimalPattern("0.00").setDrawBorder(true)
                .setRangeColors(new Color[] {new Color(33, 102, 172), new Color(209, 229, 240), new Color(178, 24, 43)});
        style(chart);
        chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
        chart.addSeries("loss above the best", columns.stream().map(Format::number).toList(),
                rows.stream().map(Format::number).toList(), cells);
        return chart;
    }

    /** An empty chart of bars. */
    static CategoryChart bars(String title, String x, String y) {
        CategoryChart chart = new CategoryChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle(x).yAxisTitle(y)
                .build();
        style(chart);
        chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideS).setLegendLayout(Styler.LegendLayout.Horizontal);
        return chart;
    }

    /** Adds a bar for each label, or to each. */
    static void bar(CategoryChart chart, String name, List<String> labels, List<Double> values) {
        chart.addSeries(name, labels, values).setFillColor(COLORS[(chart.getSeriesMap().size() - 1) % COLORS.length]);
    }
}
