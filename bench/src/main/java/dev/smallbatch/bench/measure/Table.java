package dev.smallbatch.bench.measure;

import java.util.ArrayList;
import java.util.List;

/** A table in Markdown whose columns are padded, so that it reads as well where nothing renders it. */
public final class Table {
    private final List<List<String>> rows = new ArrayList<>();
    private final int words;

    /**
     * @param words columns at the left that hold words; the others hold numbers and are aligned to the right
     * @param titles one for each column
     */
    public Table(int words, String... titles) {
        this.words = words;
        rows.add(List.of(titles));
    }

    /** Adds a row, with a cell for each column. */
    public Table row(String... cells) {
        if (cells.length != rows.getFirst().size()) {
            throw new IllegalArgumentException("table: a row of " + cells.length + " cells, but " + rows.getFirst().size() + " titles");
        }
        rows.add(List.of(cells));
        return this;
    }

    /** The lines, each with its end. */
    @Override
    public String toString() {
        int columns = rows.getFirst().size();
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < rows.size(); i++) {
            line(text, rows.get(i), widths);
            if (i == 0) {
                rule(text, widths);
            }
        }
        return text.toString();
    }

    private void line(StringBuilder text, List<String> cells, int[] widths) {
        for (int i = 0; i < widths.length; i++) {
            String blanks = " ".repeat(widths[i] - cells.get(i).length());
            text.append("| ").append(i < words ? cells.get(i) + blanks : blanks + cells.get(i)).append(' ');
        }
        text.append("|\n");
    }

    private void rule(StringBuilder text, int[] widths) {
        for (int i = 0; i < widths.length; i++) {
            text.append('|').append("-".repeat(widths[i] + 1)).append(i < words ? '-' : ':');
        }
        text.append("|\n");
    }
}
