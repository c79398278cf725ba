package dev.smallbatch.bench.peers;

import java.util.List;
import java.util.Optional;

/**
 * Two programs that run in turn, and what of their output is compared.
 *
 * @param name short, unique in a run
 * @param title for tables
 * @param first the one whose numbers stand above in ratios
 * @param second its rival; empty if there is none here
 * @param metrics what is compared, the most important first
 */
record Comparison(String name, String title, Contestant first, Optional<Contestant> second, List<Metric> metrics) {
    Comparison {
        metrics = List.copyOf(metrics);
    }

    /**
     * A number in the lines of both programs.
     *
     * @param field its name there
     * @param title with the unit, for tables
     * @param goal what is asked of the ratio or the number, in words; empty if nothing is
     */
    record Metric(String field, String title, String goal) {}
}
