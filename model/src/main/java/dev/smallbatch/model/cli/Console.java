package dev.smallbatch.model.cli;

import java.io.PrintStream;

/**
 * Where a command writes: results to {@code out}, everything else to {@code err}.
 *
 * @param out results
 * @param err progress, notes and errors
 * @param interactive whether a person is watching {@code err}, so that a line may be drawn again and again
 * @param columns width of the terminal
 * @param command how the program was called, for hints
 */
public record Console(PrintStream out, PrintStream err, boolean interactive, int columns, String command) {
    private static final int USUAL_COLUMNS = 100;

    /** The process's own. */
    static Console system(PrintStream out, PrintStream err) {
        java.io.Console terminal = System.console();
        String columns = System.getenv().getOrDefault("COLUMNS", "");
        return new Console(out, err, terminal != null && terminal.isTerminal(),
                columns.matches("[1-9]\\d{1,3}") ? Integer.parseInt(columns) : USUAL_COLUMNS,
                System.getProperty("smallbatch.command", "smallbatch"));
    }

    /** A line of a table: a label and what belongs to it. */
    public void row(String label, String format, Object... values) {
        out.println(Format.text("%-11s ", label) + (values.length == 0 ? format : Format.text(format, values)));
    }
}
