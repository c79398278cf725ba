package dev.smallbatch.model.cli;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.MemoryPlan;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.model.run.UsageException;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code optimizers}: what {@code --optimizer} can be, what each remembers of a model, and its settings. */
@Command(name = "optimizers", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Lists the optimizers: bytes they remember of each parameter of a model, whether they update inside the"
                + " backward pass (else all gradients are kept), what they do, and their settings with defaults.",
        footer = {"", "Example: all, for the 124M model", "  smallbatch optimizers --preset gpt2s",
            "Example: one, with every setting explained", "  smallbatch optimizers muon"})
final class OptimizersCommand implements Callable<Integer> {
    private static final String ROW = "%-22s %6s %7s  %s";

    private final Console console;

    @Parameters(paramLabel = "NAME", arity = "0..1", description = "Only this one, in full.")
    private OptimizerKind kind;

    @Option(names = "--preset", paramLabel = "NAME", defaultValue = "small",
            description = "Whose parameters: tiny, small, lm11m, gpt2s or gpt3xl (default: ${DEFAULT-VALUE}).")
    private String preset;

    OptimizersCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        GptConfig model = model();
        if (kind != null) {
            show(model);
            return 0;
        }
        console.out().println(Format.text("bytes of state for each of %s parameters (--preset %s)",
                Format.count(model.parameterCount()), preset));
        console.out().println(Format.text(ROW, "name", "state", "inside", "what it is; settings"));
        for (OptimizerKind each : OptimizerKind.values()) {
            MemoryPlan plan = plan(model, each);
            String settings = each.settings().stream().map(s -> s.name() + "=" + s.usual()).collect(Collectors.joining(" "));
            console.out().println(Format.text(ROW, each.option(), Format.text("%.2f", plan.statePerParameter()),
                    isInside(plan) ? "yes" : "no", each.what() + (settings.isEmpty() ? "" : "; " + settings)));
        }
        return 0;
    }

    private void show(GptConfig model) {
        MemoryPlan plan = plan(model, kind);
        console.row(kind.option(), kind.what());
        console.row("state", "%.2f bytes for each of %s parameters (--preset %s)", plan.statePerParameter(),
                Format.count(model.parameterCount()), preset);
        console.row("gradients", isInside(plan) ? "not kept: it updates inside the backward pass"
                : "kept, " + Format.bytes(plan.memory().gradients()) + ": no update before all are known");
        kind.usual().forEach((option, usual) -> console.row("option", "%s (default: %s)", option, usual));
        kind.settings().forEach(setting -> console.row("setting", "--set %s", setting));
        console.row("more", "docs/optimizers.md");
    }

    private static MemoryPlan plan(GptConfig model, OptimizerKind kind) {
        return MemoryPlan.of(new MemoryPlan.Choice(model, DType.F32, kind, false, 1, false));
    }

    private static boolean isInside(MemoryPlan plan) {
        return plan.memory().gradients() == 0;
    }

    private GptConfig model() {
        try {
            return GptConfig.preset(preset);
        } catch (IllegalArgumentException e) {
            throw new UsageException("optimizers: " + e.getMessage());
        }
    }
}
