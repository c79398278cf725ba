package dev.smallbatch.bench.peers;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/** The tables of a report. */
final class Markdown {
    private static final String NOTHING = "-";

    private final StringBuilder out = new StringBuilder();

    private Markdown() {}

    static String of(String name, Map<String, String> setting, List<Report.Entry> entries) {
        Markdown markdown = new Markdown();
        markdown.line("# Side by side: " + name).line("");
        setting.forEach((title, value) -> markdown.line("- " + title.replace('_', ' ') + ": " + value));
        markdown.line("").line("A number is the median over the runs, a ratio that of the medians; after it, the smallest and the"
                + " largest ratio within a pair.");
        entries.forEach(markdown::section);
        return markdown.out.toString();
    }

    private void section(Report.Entry entry) {
        Comparison comparison = entry.comparison();
        String first = comparison.first().name();
        String second = comparison.second().map(Contestant::name).orElse("no rival");
        line("").line("## " + comparison.title()).line("");
        line("```").line(comparison.first().shown());
        comparison.second().ifPresent(rival -> line(rival.shown()));
        line("```").line("");
        Map<String, Double> means = entry.geometricMeans();
        if (!means.isEmpty()) {
            row("geometric mean of ratios", first + " / " + second, "goal").row("---", "---:", "---");
            means.forEach((word, mean) -> row(word, ratio(mean),
                    word.equals("all") ? comparison.metrics().getFirst().goal() : ""));
            line("");
        }
        boolean many = entry.outcomes().stream().map(Outcome::item).distinct().count() > 1;
        row(many ? "product" : "metric", first, second, "ratio", "pairs", "goal");
        row("---", "---:", "---:", "---:", "---:", "---");
        for (Outcome outcome : entry.outcomes()) {
            String title = many ? outcome.item() + ", " + outcome.metric().title() : outcome.metric().title();
            row(title, number(outcome.firstMedian()), number(outcome.secondMedian()), ratio(outcome), range(outcome.pairRatios()),
                    many ? "" : outcome.metric().goal());
        }
        line("").line("<details><summary>Every value</summary>").line("");
        row("metric", first, second).row("---", "---", "---");
        for (Outcome outcome : entry.outcomes()) {
            row(many ? outcome.item() + ", " + outcome.metric().title() : outcome.metric().title(),
                    numbers(outcome.first()), numbers(outcome.second()));
        }
        line("").line("</details>");
    }

    private static String ratio(Outcome outcome) {
        return outcome.ratio().isPresent() ? ratio(outcome.ratio().getAsDouble()) : NOTHING;
    }

    private static String ratio(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }

    private static String range(List<Double> ratios) {
        if (ratios.isEmpty()) {
            return NOTHING;
        }
        double least = ratios.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
        double most = ratios.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
        return ratio(least) + " to " + ratio(most);
    }

    private static String numbers(List<Double> values) {
        return values.isEmpty() ? NOTHING : values.stream().map(Markdown::number).collect(Collectors.joining(", "));
    }

    private static String number(OptionalDouble value) {
        return value.isPresent() ? number(value.getAsDouble()) : NOTHING;
    }

    /** Four digits, or all that stand before the point. */
    static String number(double value) {
        double size = Math.abs(value);
        int decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }

    private Markdown row(String... cells) {
        return line("| " + String.join(" | ", cells) + " |");
    }

    private Markdown line(String text) {
        out.append(text).append('\n');
        return this;
    }
}
