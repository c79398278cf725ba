package dev.smallbatch.bench.lab;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Roofline;
import dev.smallbatch.bench.measure.Table;
import dev.smallbatch.bench.measure.Table.Column;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.spi.Backend;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

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
        Set<Integer> wrong = wrong(lab);
        try (Operands.Placed<LabCase> placed = place(lab, lab.timed())) {
            LabCase subject = placed.work();
            double[] errors = errors(subject);
            boolean arithmetic = roofOfOne.isBoundByArithmetic(subject.work());
            Table table = new Table(Column.words(lab.name()), Column.words("what changed"), Column.number("ms", 3),
                    Column.number(arithmetic ? "GFLOP/s" : "GB/s", 1), Column.percent("of roof"),
                    new Column("largest error", "%.1e", 1));
            List<LabCase.Version> versions = subject.versions();
            for (int i = 0; i < versions.size(); i++) {
                LabCase.Version version = versions.get(i);
                String name = "v" + (i + 1);
                if (wrong.contains(i) || errors[i] > subject.tolerance()) {
                    table.row(name, "REFUSED, not timed: wrong. " + version.change(), null, null, null, errors[i]);
                    continue;
                }
                double seconds = seconds(version);
                double amount = arithmetic ? subject.work().flops() : subject.work().bytes();
                Roofline roofline = version.allThreads() ? roofOfAll : roofOfOne;
                table.row(name, version.change(), 1e3 * seconds, 1e-9 * amount / seconds,
                        roofline.seconds(subject.work()) / seconds, errors[i]);
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

    /** The versions, by index, that do not compute the formula at one of the odd sizes. */
    Set<Integer> wrong(KernelLab lab) {
        Set<Integer> wrong = new TreeSet<>();
        for (int[] sizes : lab.checked()) {
            try (Operands.Placed<LabCase> placed = place(lab, sizes)) {
                double[] errors = errors(placed.work());
                IntStream.range(0, errors.length).filter(i -> errors[i] > placed.work().tolerance()).forEach(wrong::add);
            }
        }
        return wrong;
    }

    /** The largest error of each version. */
    private static double[] errors(LabCase subject) {
        subject.reset();
        List<LabCase.Expected> expected = subject.expected();
        return subject.versions().stream().mapToDouble(version -> {
            subject.reset();
            version.run().run();
            return expected.stream().mapToDouble(LabCase.Expected::error).max().orElseThrow();
        }).toArray();
    }
}
