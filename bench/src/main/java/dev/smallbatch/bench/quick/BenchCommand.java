package dev.smallbatch.bench.quick;

import dev.smallbatch.bench.lab.KernelLab;
import dev.smallbatch.bench.measure.Machine;
import dev.smallbatch.bench.measure.Table;
import dev.smallbatch.bench.profile.ProfileTable;
import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.core.io.JsonWriter;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.cli.BackendOptionGroup;
import dev.smallbatch.model.cli.Console;
import dev.smallbatch.model.cli.Format;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.model.run.UsageException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench}: how fast training is on this machine, and how much faster the machine would allow it to be. */
@Command(name = "bench", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Measures training and generation on this machine in half a minute, against what it can do at most. Let"
                + " nothing else run meanwhile.",
        footer = {"", "Example: which kernels the time of a step goes to",
            "  smallbatch bench --profile --preset small --optimizer sgd"})
public final class BenchCommand implements Callable<Integer> {
    /** Options that say where the program is. */
    private static final List<String> LAUNCH = List.of("--module-path", "-Djdk.module", "-Dsmallbatch.command");

    private final Console console;
    private final double patience;

    @Option(names = "--preset", paramLabel = "NAME", defaultValue = "lm11m",
            description = "As in train (default: ${DEFAULT-VALUE}).")
    private String preset;

    @Option(names = "--profile", description = "Instead, measure every kernel of a training step.")
    private boolean profile;

    @Option(names = "--lab", paramLabel = "KERNEL",
            description = "Instead, run the versions of a kernel from plain loops to the shipped one: sgemm, cross-entropy,"
                    + " rmsnorm, adamw or all.")
    private String lab;

    @Option(names = "--optimizer", paramLabel = "NAME", defaultValue = "adamw",
            description = "Of the step to profile, as in train (default: ${DEFAULT-VALUE}).")
    private OptimizerKind optimizer;

    @Option(names = "--dtype", paramLabel = "TYPE", defaultValue = "f32",
            description = "Type of the weights in steps and generation, f32 or bf16 (default: ${DEFAULT-VALUE}).")
    private DType dtype;

    @Option(names = "--recompute", negatable = true, description = "Compute activations again in the backward pass.")
    private boolean recompute;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the numbers here as well.")
    private Path json;

    @Mixin
    private final BackendOptionGroup backends = new BackendOptionGroup();

    /** Of a console. */
    public BenchCommand(Console console) {
        this(console, 1);
    }

    /** @param patience 0 to see that it works, with numbers that mean nothing */
    BenchCommand(Console console, double patience) {
        this.console = console;
        this.patience = patience;
    }

    @Override
    public Integer call() throws IOException {
        QuickBench.Choice choice = new QuickBench.Choice(preset, config(), dtype, recompute);
        Map<String, Object> all = new LinkedHashMap<>();
        try (Backend backend = backends.open()) {
            Map<String, String> setting = setting(backend);
            setting.forEach((name, value) -> console.row(name, "%s", value));
            console.out().println();
            all.put("setting", setting);
            QuickBench bench = new QuickBench(choice, backend, this::announce, patience);
            Map<String, Table> tables = lab != null ? bench.lab(labs(), backend)
                    : profile ? bench.profile(optimizer) : bench.all();
            tables.forEach((name, table) -> {
                console.out().println(table);
                all.put(name, table.toJson());
            });
        }
        console.out().print(legend());
        if (json != null) {
            AtomicFiles.writeText(json, JsonWriter.write(all));
        }
        return 0;
    }

    private String legend() {
        if (lab != null) {
            return """
                    Roof: what one thread could do, by arithmetic or memory; the last version is set against all threads.
                    Operands that caches hold may pass the roof of memory. An error is relative to the terms that a number is
                    summed up from.
                    """;
        }
        return profile ? ProfileTable.legend() : """
                Roof: the limit for all threads. The products and steps are set against its arithmetic, generation, which
                reads every weight for each token, against its memory. --profile shows which kernel takes how much of a step.
                """;
    }

    private List<KernelLab> labs() {
        List<KernelLab> chosen = KernelLab.ALL.stream().filter(one -> lab.equals("all") || lab.equals(one.name())).toList();
        if (chosen.isEmpty()) {
            throw new UsageException("bench: no kernel '" + lab + "' in the lab; there are all, "
                    + KernelLab.ALL.stream().map(KernelLab::name).collect(Collectors.joining(", ")));
        }
        return chosen;
    }

    private void announce(String stage, double secondsLeft) {
        console.err().println(Format.text("measuring %s ... (about %.0f s left)", stage, secondsLeft));
    }

    private GptConfig config() {
        try {
            return GptConfig.preset(preset);
        } catch (IllegalArgumentException e) {
            throw new UsageException("bench: " + e.getMessage());
        }
    }

    private static Map<String, String> setting(Backend backend) {
        Map<String, String> setting = new LinkedHashMap<>(Machine.description());
        setting.put("options", ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> LAUNCH.stream().noneMatch(option::startsWith)).collect(Collectors.joining(" ")));
        setting.put("backend", backend.info().toString());
        setting.put("load", Machine.load() + " (runnable processes over 1, 5, 15 minutes; near 0 before a quiet run)");
        return setting;
    }
}
