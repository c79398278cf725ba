package dev.smallbatch.bench.profile;

import dev.smallbatch.bench.measure.Roofline;
import dev.smallbatch.bench.measure.Table;
import java.util.List;
import java.util.Locale;

/** A profile as a table: each kernel with its time, its speed, and the share of what the machine could do at most. */
public final class ProfileTable {
    private ProfileTable() {}

    /** What the columns mean, for the reader. */
    public static String legend() {
        return """
                Of a product, shape is M x N x K; the letters say which operands are transposed. GFLOP/s count two operations for
                each term of a product and nothing else; GB/s count every operand once. Roof is the least time the machine needs for
                the same work, by its arithmetic or its memory: operands that come from caches may pass that of memory.
                Garbage is what the calls allocate on the heap: less than a KiB for each is arguments, more is a vector that the
                JVM could not keep in a register.
                """;
    }

    /** Rows for every kernel and shape; after them the rest of the step and all of it. */
    public static Table of(StepProfile profile, List<StepProfile.Row> rows, Roofline roofline) {
        Table table = new Table(2, "kernel", "shape", "calls", "ms", "of step", "GFLOP/s", "GB/s", "bound by", "of roof",
                "garbage");
        for (StepProfile.Row row : rows) {
            double flops = row.work().flops() / row.seconds();
            table.row(row.kernel(), row.shape(), Integer.toString(row.calls()), milliseconds(row.seconds()),
                    percent(row.seconds() / profile.seconds()), flops == 0 ? "" : text("%.0f", 1e-9 * flops),
                    text("%.1f", 1e-9 * row.work().bytes() / row.seconds()),
                    roofline.isBoundByArithmetic(row.work()) ? "arithmetic" : "memory",
                    percent(roofline.seconds(row.work()) / row.seconds()), kibibytes(row.garbage()));
        }
        table.row("between kernels", "", "", milliseconds(profile.outside()), percent(profile.outside() / profile.seconds()),
                "", "", "", "", "");
        double least = rows.stream().mapToDouble(row -> roofline.seconds(row.work())).sum();
        double flops = rows.stream().mapToDouble(row -> row.work().flops()).sum();
        double bytes = rows.stream().mapToDouble(row -> row.work().bytes()).sum();
        return table.row("step", "", Integer.toString(rows.stream().mapToInt(StepProfile.Row::calls).sum()),
                milliseconds(profile.seconds()), percent(1), text("%.0f", 1e-9 * flops / profile.seconds()),
                text("%.1f", 1e-9 * bytes / profile.seconds()), "", percent(least / profile.seconds()),
                kibibytes(rows.stream().mapToDouble(StepProfile.Row::garbage).sum()));
    }

    private static String milliseconds(double seconds) {
        return text("%.3f", 1e3 * seconds);
    }

    private static String kibibytes(double bytes) {
        return text("%.0f KiB", bytes / 1024);
    }

    private static String percent(double share) {
        return text("%.1f%%", 100 * share);
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
