package dev.smallbatch.bench.experiments;

import dev.smallbatch.model.cli.Format;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A statement of the paper, and whether it holds here.
 *
 * @param id of the paper's claim or of the check, such as C1 or E5
 * @param statement what is claimed, with the margin it is checked by
 * @param holds whether it does
 * @param figures the numbers it was decided by
 */
record Claim(String id, String statement, boolean holds, String figures) {
    static Claim of(String id, String statement, boolean holds, String figures, Object... values) {
        return new Claim(id, statement, holds, Format.text(figures, values));
    }

    /** Whether each value is at least the one before, less a slack. */
    static boolean ascends(List<Double> values, double slack) {
        return IntStream.range(1, values.size()).allMatch(i -> values.get(i) >= values.get(i - 1) - slack);
    }

    /** Whether each value is at most the one before, and a slack. */
    static boolean descends(List<Double> values, double slack) {
        return IntStream.range(1, values.size()).allMatch(i -> values.get(i) <= values.get(i - 1) + slack);
    }

    /** Losses, with three digits. */
    static String numbers(List<Double> values) {
        return values.stream().map(value -> Format.text("%.3f", value)).collect(Collectors.joining(" "));
    }
}
