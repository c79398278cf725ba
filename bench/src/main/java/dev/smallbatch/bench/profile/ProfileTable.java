package dev.smallbatch.bench.profile;

import dev.smallbatch.bench.measure.Roofline;
import dev.smallbatch.bench.measure.Table;
import dev.smallbatch.bench.measure.Work;
import java.util.List;

/** A profile as a table: each kernel with its time, its speed, and the share of what the machine could do at most. */
public final class ProfileTable {
    private ProfileTable() {}

    /** What the columns mean, for the reader. */
    public static String legend() {
        return """
                Of a product, shape is M x N x K; the letters say which operands are transposed. GFLOP/s count two operations
                for each term of a product and nothing else; GB/s count every operand once. Roof is the least time the machine
                needs for the same work, by its arithmetic or its memory: operands that come from caches may pass that of memory.
                Garbage is what the calls allocate on the heap: less than a KiB for each is arguments, more is a vector that
                the JVM could not keep in a register.
                """;
    }

    /** Rows for every kernel and shape; after them the rest of the step and all of it. */
    public static Table of(StepProfile profile, List<StepProfile.Row> rows, Roofline roofline) {
        Table table = new Table(Table.Column.words("kernel"), Table.Column.words("shape"), Table.Column.number("calls", 0),
                Table.Column.number("ms", 3), Table.Column.percent("of step"), Table.Column.number("GFLOP/s", 0),
                Table.Column.number("GB/s", 1), Table.Column.words("bound by"), Table.Column.percent("of roof"),
                Table.Column.number("garbage, KiB", 0));
        Total total = new Total();
        for (StepProfile.Row row : rows) {
            double flops = row.work().flops() / row.seconds();
            table.row(row.kernel(), row.shape(), row.calls(), 1e3 * row.seconds(), row.seconds() / profile.seconds(),
                    flops == 0 ? null : 1e-9 * flops, 1e-9 * row.work().bytes() / row.seconds(),
                    roofline.isBoundByArithmetic(row.work()) ? "arithmetic" : "memory",
                    roofline.seconds(row.work()) / row.seconds(), row.garbage() / 1024);
            total.add(row, roofline);
        }
        table.row("between kernels", null, null, 1e3 * profile.outside(), profile.outside() / profile.seconds(), null, null, null,
                null, null);
        return table.row("step", null, total.calls, 1e3 * profile.seconds(), 1, 1e-9 * total.work.flops() / profile.seconds(),
                1e-9 * total.work.bytes() / profile.seconds(), null, total.least / profile.seconds(), total.garbage / 1024);
    }

    /** The sums of the rows. */
    private static final class Total {
        private int calls;
        private Work work = new Work(0, 0);
        private double least;
        private double garbage;

        void add(StepProfile.Row row, Roofline roofline) {
            calls += row.calls();
            work = work.plus(row.work());
            least += roofline.seconds(row.work());
            garbage += row.garbage();
        }
    }
}
