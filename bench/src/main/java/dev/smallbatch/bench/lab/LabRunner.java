package dev.smallbatch.bench.lab;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Roofline;
import dev.smallbatch.bench.measure.Table;
import dev.smallbatch.bench.measure.Table.Column;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.spi.Backend;
import java.util.List;

/** Checks every version of a kernel against its formula in double, then times it; a wrong one is not timed. */
public final class LabRunner {
    private final Backend one;
    private final Backend all;
    private final double patience;
    private final Roofline roofOfOne;
    private final Roofline roofOfAll;

    /**
     * Measures the machine's limits.
     *
     * @param one the shipped kernels with one thread
     * @param all with all of them
     * @param patience 1, or 0 for times that mean nothing
     */
    public LabRunner(Backend one, Backend all, double patience) {
        this.one = one;
        this.all = all;
        this.patience = patience;
        roofOfOne = Roofline.measure(one.kernels(), 1, patience);
        roofOfAll = Roofline.measure(all.kernels(), all.info().threads(), patience);
    }

    /** A row for each version: what changed, how fast it is, and how exact. */
    public Table run(KernelLab lab) {
        double[] errors = lab.checked().stream().map(sizes -> errors(lab, sizes)).reduce(LabRunner::larger).orElseThrow();
        try (Operands.Placed<LabCase> placed = place(lab, lab.timed())) {
            LabCase subject = placed.work();
            errors = larger(errors, errors(subject));
            boolean arithmetic = roofOfOne.isBoundByArithmetic(subject.work());
            Table table = new Table(Column.words(lab.name()), Column.words("what changed"), Column.number("ms", 3),
                    Column.number(arithmetic ? "GFLOP/s" : "GB/s", 1), Column.percent("of roof"), new Column("largest error", "%.1e", 1));
            List<LabCase.Version> versions = subject.versions();
            for (int i = 0; i < versions.size(); i++) {
                LabCase.Version version = versions.get(i);
                String name = "v" + (i + 1);
                if (!(errors[i] <= 1)) {
                    table.row(name, "REFUSED, not timed: wrong. " + version.change(), null, null, null, errors[i] * subject.tolerance());
                    continue;
                }
                double seconds = seconds(version);
                double amount = arithmetic ? subject.work().flops() : subject.work().bytes();
                Roofline roofline = version.allThreads() ? roofOfAll : roofOfOne;
                table.row(name, version.change(), 1e3 * seconds, 1e-9 * amount / seconds, roofline.seconds(subject.work()) / seconds,
                        errors[i] * subject.tolerance());
            }
            return table;
        }
    }

    private double seconds(LabCase.Version version) {
        Timings.repeat(new Timings.AtLeast(1, 0.5 * patience), version.run());
        return Timings.repeat(new Timings.AtLeast(3, 0.5 * patience), version.run()).median();
    }

    private Operands.Placed<LabCase> place(KernelLab lab, int[] sizes) {
        return Operands.place(operands -> lab.factory().create(sizes, operands, one.kernels(), all.kernels()));
    }

    /** The largest error of each version, in units of the tolerance. */
    double[] errors(KernelLab lab, int[] sizes) {
        try (Operands.Placed<LabCase> placed = place(lab, sizes)) {
            return errors(placed.work());
        }
    }

    private static double[] errors(LabCase subject) {
        subject.reset();
        List<LabCase.Expected> expected = subject.expected();
        return subject.versions().stream().mapToDouble(version -> {
            subject.reset();
            version.run().run();
            return expected.stream().mapToDouble(LabCase.Expected::error).max().orElseThrow() / subject.tolerance();
        }).toArray();
    }

    private static double[] larger(double[] a, double[] b) {
        double[] larger = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            larger[i] = Math.max(a[i], b[i]);
        }
        return larger;
    }
}
