package dev.smallbatch.bench.quick;

import dev.smallbatch.bench.lab.KernelLab;
import dev.smallbatch.bench.lab.LabRunner;
import dev.smallbatch.bench.measure.Generation;
import dev.smallbatch.bench.measure.LinearMap;
import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.PreparedStep;
import dev.smallbatch.bench.measure.Roofline;
import dev.smallbatch.bench.measure.Table;
import dev.smallbatch.bench.measure.Table.Column;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.bench.profile.ProfileTable;
import dev.smallbatch.bench.profile.StepProfile;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.OptimizerKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Measures one thing after another, each against what the machine could do at most. */
final class QuickBench {
    private static final List<OptimizerKind> OPTIMIZERS = List.of(OptimizerKind.SGD, OptimizerKind.ADAMW);
    private static final int PROMPT = 16;
    private static final int TOKENS = 256;
    private static final int PASSES = 3;
    private static final double SECONDS_OF_LAB = 9;
    /** A preset whose products take little time. */
    private static final String SMALL = "small";

    private final Choice choice;
    private final Kernels kernels;
    private final int threads;
    private final Stages stages;
    private final double patience;
    private Roofline roofline;

    /** What is measured. */
    record Choice(String preset, GptConfig config, DType dtype, boolean recompute) {}

    /** Told what is measured next. */
    @FunctionalInterface
    interface Stages {
        /** Names a stage and about how many seconds are left, this one included. */
        void begin(String name, double secondsLeft);
    }

    /** @param patience 1 for numbers to be quoted, 0 to see that it works */
    QuickBench(Choice choice, Backend backend, Stages stages, double patience) {
        this.choice = choice;
        this.kernels = backend.kernels();
        this.threads = backend.info().threads();
        this.stages = stages;
        this.patience = patience;
    }

    private Timings.AtLeast atLeast(int count, double seconds) {
        return new Timings.AtLeast(count, patience * seconds);
    }

    /** The tables by their names, in order. */
    Map<String, Table> all() {
        Map<String, Table> tables = new LinkedHashMap<>();
        stages.begin("the machine's limits", 28);
        tables.put("limits", limits());
        stages.begin("matrix products of " + choice.preset, 24);
        tables.put("products", products());
        Table steps = new Table(Column.words("training " + choice.preset), Column.number("tokens/s", 0),
                Column.number("ms per step", 1), Column.number("GFLOP/s", 0), Column.percent("of roof"));
        for (OptimizerKind optimizer : OPTIMIZERS) {
            stages.begin("training steps with " + name(optimizer), optimizer == OPTIMIZERS.getFirst() ? 16 : 8);
            step(optimizer, steps);
        }
        tables.put("steps", steps);
        stages.begin("generation", 3);
        tables.put("generation", generation());
        return tables;
    }

    /** Where the time of a step goes, by kernel and shape, then by kernel alone. */
    Map<String, Table> profile(OptimizerKind optimizer) {
        Map<String, Table> tables = new LinkedHashMap<>();
        stages.begin("the machine's limits", 17);
        tables.put("limits", limits());
        stages.begin("training steps with " + name(optimizer), 13);
        StepProfile profile = StepProfile.measure(setup(optimizer), kernels, atLeast(PASSES, 8), atLeast(PASSES, 5));
        tables.put("kernels_by_shape", ProfileTable.of(profile, profile.rows(), roofline));
        tables.put("kernels", ProfileTable.of(profile, profile.byKernel(), roofline));
        return tables;
    }

    /** Kernels in versions, from plain loops to the shipped one. */
    Map<String, Table> lab(List<KernelLab> labs, Backend all) {
        Map<String, Table> tables = new LinkedHashMap<>();
        double left = SECONDS_OF_LAB * labs.size();
        stages.begin("the machine's limits", 7 + left);
        try (Backend one = Backends.open(all.info().name(), new BackendOptions(1))) {
            LabRunner runner = new LabRunner(one, all, patience);
            for (KernelLab lab : labs) {
                stages.begin(lab.name() + ": " + lab.about(), left);
                tables.put(lab.name(), runner.run(lab));
                left -= SECONDS_OF_LAB;
            }
        }
        return tables;
    }

    private static String name(OptimizerKind optimizer) {
        return optimizer.name().toLowerCase(Locale.ROOT);
    }

    private Table limits() {
        roofline = Roofline.measure(kernels, threads, patience);
        Table table = new Table(Column.words("limit"), Column.number("value", 1), Column.words("unit"));
        String registers = "multiply-adds between registers, " + Roofline.vectorBits() + " bits, ";
        double one = threads == 1 ? roofline.flopsPerSecond() : Roofline.peak(1, patience);
        table.row(registers + "1 thread", 1e-9 * one, "GFLOP/s");
        if (threads > 1) {
            table.row(registers + threads + " threads", 1e-9 * roofline.flopsPerSecond(), "GFLOP/s");
        }
        return table.row("memory, read", 1e-9 * roofline.readBytesPerSecond(), "GB/s")
                .row("memory, read and written", 1e-9 * roofline.bytesPerSecond(), "GB/s");
    }

    private Table products() {
        Table table = new Table(Column.words("product of " + choice.preset), Column.words("M x N x K"), Column.number("ms", 3),
                Column.number("GFLOP/s", 0), Column.percent("of roof"));
        warmUp(LinearMap.of(GptConfig.preset(SMALL)));
        for (LinearMap map : LinearMap.of(choice.config)) {
            try (Operands.Placed<List<LinearMap.Product>> products = Operands.place(map::products)) {
                for (LinearMap.Product product : products.work()) {
                    Runnable call = () -> product.call().accept(kernels.matmul());
                    Timings.repeat(atLeast(1, 0.1), call);
                    double seconds = Timings.repeat(atLeast(PASSES, 0.15), call).median();
                    table.row(map.name() + " " + product.pass(), product.m() + " x " + product.n() + " x " + product.k(),
                            1e3 * seconds, 1e-9 * product.flops() / seconds,
                            product.flops() / seconds / roofline.flopsPerSecond());
                }
            }
        }
        return table;
    }

    /** Until the JVM has compiled the kernels. */
    private void warmUp(List<LinearMap> maps) {
        try (Operands.Placed<List<LinearMap.Product>> products = Operands.place(
                operands -> maps.stream().flatMap(map -> map.products(operands).stream()).toList())) {
            Timings.repeat(atLeast(1, 3), () -> products.work().forEach(product -> product.call().accept(kernels.matmul())));
        }
    }

    private PreparedStep.Setup setup(OptimizerKind optimizer) {
        return PreparedStep.Setup.of(choice.config, optimizer, choice.dtype, choice.recompute);
    }

    private void step(OptimizerKind optimizer, Table table) {
        try (PreparedStep step = new PreparedStep(setup(optimizer), kernels)) {
            Timings.repeat(atLeast(PASSES, optimizer == OPTIMIZERS.getFirst() ? 4 : 1.5), step::draw, step::train);
            double seconds = Timings.repeat(atLeast(PASSES, 3), step::draw, step::train).median();
            table.row("step with " + name(optimizer), step.tokens() / seconds, 1e3 * seconds, 1e-9 * step.flops() / seconds,
                    step.flops() / seconds / roofline.flopsPerSecond());
        }
    }

    private Table generation() {
        Generation generation = Generation.measure(choice.config, choice.dtype, kernels, PROMPT,
                Math.min(TOKENS, choice.config.seqLen() - PROMPT), atLeast(1, 2));
        return new Table(Column.words("generating with " + choice.preset), Column.number("tokens/s", 0),
                Column.number("ms per token", 3), Column.number("GB/s of weights", 1), Column.percent("of memory, read"))
                .row("one sequence", 1 / generation.perToken().median(), 1e3 * generation.perToken().median(),
                        1e-9 * generation.bytesPerSecond(), generation.bytesPerSecond() / roofline.readBytesPerSecond());
    }
}
