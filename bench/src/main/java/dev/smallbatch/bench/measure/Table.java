package dev.smallbatch.bench.measure;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Rows of words and numbers, to be read by people or by programs. */
public final class Table {
    private final List<Column> columns;
    private final List<List<Object>> rows = new ArrayList<>();

    /**
     * A column.
     *
     * @param title above it, with the unit
     * @param format of {@link String#format}; null if the column holds words
     * @param factor of the number that is shown
     */
    public record Column(String title, String format, double factor) {
        /** A column of words. */
        public static Column words(String title) {
            return new Column(title, null, 1);
        }

        /** A column of numbers with so many decimals. */
        public static Column number(String title, int decimals) {
            return new Column(title, "%." + decimals + "f", 1);
        }

        /** A column of shares of 1, shown in percent. */
        public static Column percent(String title) {
            return new Column(title, "%.1f%%", 100);
        }

        private String show(Object value) {
            if (value == null) {
                return "";
            }
            return format == null ? value.toString()
                    : String.format(Locale.ROOT, format, factor * ((Number) value).doubleValue());
        }

        /** The title as a name in JSON: {@code GFLOP/s} is {@code gflop_s}. */
        private String key() {
            return title.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "_");
        }
    }

    /** An empty table with at least one column. */
    public Table(Column... columns) {
        this.columns = List.of(columns);
    }

    /** Adds a row, with a cell for each column: a word, a number, or null for nothing. */
    public Table row(Object... cells) {
        if (cells.length != columns.size()) {
            throw new IllegalArgumentException("table: a row of " + cells.length + " cells, but " + columns.size() + " columns");
        }
        rows.add(Arrays.asList(cells));
        return this;
    }

    /** For each row the values by the names of their columns, as {@link dev.smallbatch.core.io.JsonWriter} takes them. */
    public List<Map<String, Object>> toJson() {
        return rows.stream().map(row -> {
            Map<String, Object> object = new LinkedHashMap<>();
            for (int i = 0; i < columns.size(); i++) {
                object.put(columns.get(i).key(), row.get(i));
            }
            return object;
        }).toList();
    }

    /** Markdown whose columns are padded, so that it reads as well where nothing renders it; each line with its end. */
    @Override
    public String toString() {
        List<List<String>> lines = new ArrayList<>();
        lines.add(columns.stream().map(Column::title).toList());
        for (List<Object> row : rows) {
            List<String> shown = new ArrayList<>();
            for (int i = 0; i < columns.size(); i++) {
                shown.add(columns.get(i).show(row.get(i)));
            }
            lines.add(shown);
        }
        StringBuilder text = new StringBuilder();
        int[] widths = new int[columns.size()];
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            widths[i] = lines.stream().mapToInt(line -> line.get(column).length()).max().orElseThrow();
        }
        line(text, lines.getFirst(), widths);
        for (int i = 0; i < widths.length; i++) {
            text.append('|').append("-".repeat(widths[i] + 1)).append(columns.get(i).format == null ? '-' : ':');
        }
        text.append("|\n");
        lines.subList(1, lines.size()).forEach(line -> line(text, line, widths));
        return text.toString();
    }

    private void line(StringBuilder text, List<String> cells, int[] widths) {
        for (int i = 0; i < widths.length; i++) {
            String blanks = " ".repeat(widths[i] - cells.get(i).length());
            text.append("| ").append(columns.get(i).format == null ? cells.get(i) + blanks : blanks + cells.get(i)).append(' ');
        }
        text.append("|\n");
    }
}
