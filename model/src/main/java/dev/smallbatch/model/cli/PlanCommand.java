package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.gpt.ModelSizes;
import dev.smallbatch.model.run.MachineLoad;
import dev.smallbatch.model.run.MachineMemory;
import dev.smallbatch.model.run.MemoryPlan;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.model.run.Recipe;
import dev.smallbatch.model.run.RunConfig;
import dev.smallbatch.model.run.Settings;
import dev.smallbatch.model.run.TrainingSpeed;
import dev.smallbatch.model.run.UsageException;
import dev.smallbatch.optim.train.StepMemory;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SequencedMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code plan}: how to train a model with the memory there is, and why; or what each option takes. */
@Command(name = "plan", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Measures this machine for some seconds and recommends how to train a model on it: optimizer, type of"
                + " weights, batch size, half-life, learning rate, each with its reason, and the command. Options that are given"
                + " are kept.",
        footer = {"", "Numbers may end in k, M, G or B (as G): 8G are 8,000,000,000.", "",
            "Example: the paper's 124M model with 8 GB", "  smallbatch plan --params 124M --memory 8G",
            "Example: no measurement, only the memory of the options given and of their neighbours",
            "  smallbatch plan --preset gpt2s --optimizer sgd --table"})
final class PlanCommand implements Callable<Integer> {
    private static final String ROW = "%-23s %10s %10s %10s %12s %10s %12s";
    private static final String OWN_SHAPE = "small";

    private final Console console;

    @Mixin
    private final ModelOptions shape = new ModelOptions();

    @Option(names = "--params", paramLabel = "N",
            description = "Instead of a preset, about so many parameters: 124M is gpt2s, 1.3B gpt3xl.")
    private Long parameters;

    @Option(names = "--memory", paramLabel = "BYTES",
            description = "Memory to plan for, a tenth of which stays free (default: what is available here).")
    private Long memory;

    @Option(names = "--tokens", paramLabel = "N", description = "Length of the run (default: 20 for each active parameter).")
    private Long tokens;

    @Mixin
    private final BatchOptions batches = new BatchOptions();

    @Mixin
    private final OptimizerOptions optimizer = new OptimizerOptions();

    @Option(names = "--dtype", paramLabel = "TYPE", description = "Type of the weights, f32 or bf16 (default: recommended).")
    private DType dtype;

    @Option(names = "--clip-norm", paramLabel = "N",
            description = "As in train: clipping keeps all gradients, whatever the norm.")
    private Double clipNorm;

    @Option(names = "--recompute", negatable = true,
            description = "Compute activations again in the backward pass (default: recommended).")
    private Boolean recompute;

    @Option(names = "--seconds", paramLabel = "N", defaultValue = "15",
            description = "How long to measure, roughly; 0 for not at all (default: ${DEFAULT-VALUE}).")
    private double seconds;

    @Option(names = "--table", description = "Only the memory, of the options given and of those next to them; measures nothing.")
    private boolean table;

    @Mixin
    private final BackendOptionGroup backends = new BackendOptionGroup();

    PlanCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        check();
        GptConfig model = model();
        RunConfig.Growth growth = batches.growth();
        if (growth != null) {
            growth.check(batches.first(), model.parameterCount(), optimizer.kind);
        }
        if ((long) batches.first() * model.seqLen() > Integer.MAX_VALUE) {
            throw new UsageException("plan: --batch-size " + batches.first() + " with sequences of " + model.seqLen()
                    + " tokens; an update has at most " + Integer.MAX_VALUE + " tokens");
        }
        console.out().println(Format.text("%s parameters, %s of them active; %d layers, dim %,d, %d heads, sequences of %,d"
                + " tokens, vocabulary %,d", Format.count(model.parameterCount()), Format.count(model.activeParameterCount()),
                model.layers(), model.dim(), model.heads(), model.seqLen(), model.vocabularySize()));
        if (table) {
            table(model, growth);
        } else {
            recipe(model, growth);
        }
        return 0;
    }

    private void check() {
        if (shape.preset != null && parameters != null) {
            throw new UsageException("plan: --preset " + shape.preset + " and --params " + parameters + "; give one of them");
        }
        requirePositive("--batch-size", batches.sequences());
        requirePositive("--memory", memory);
        requirePositive("--tokens", tokens);
        requirePositive("--params", parameters);
        if (!(seconds >= 0 && seconds <= 1e6)) {
            throw new UsageException("plan: --seconds " + Format.number(seconds) + "; at least 0");
        }
    }

    private static void requirePositive(String option, Number value) {
        if (value != null && value.longValue() < 1) {
            throw new UsageException("plan: " + option + " " + value + "; must be above 0");
        }
    }

    private void table(GptConfig model, RunConfig.Growth growth) {
        MemoryPlan plan = MemoryPlan.of(new MemoryPlan.Choice(model, Objects.requireNonNullElse(dtype, DType.F32),
                Objects.requireNonNullElse(optimizer.kind, OptimizerKind.ADAMW),
                Objects.requireNonNullElse(optimizer.settings(), Settings.NONE), clipNorm != null, batches.first(),
                Boolean.TRUE.equals(recompute), growth == null ? 1 : batches.first()));
        console.out().println(Format.text(ROW, "", "weights", "optimizer", "gradients", "activations", "tokens", "with the JVM"));
        row("as given", plan);
        SequencedMap<String, MemoryPlan> neighbours = plan.neighbours();
        neighbours.keySet().removeIf(label -> growth != null && label.matches("--(batch-size|accumulate) .*"));
        neighbours.forEach(this::row);
        console.out().println(Format.text("the JVM itself takes about %s; everything else is exact",
                Format.bytes(MemoryPlan.JVM_BYTES)));
    }

    private void row(String label, MemoryPlan plan) {
        StepMemory memory = plan.memory();
        console.out().println(Format.text(ROW, label, Format.bytes(memory.parameters()), Format.bytes(memory.optimizerState()),
                memory.gradients() == 0 ? "not kept" : Format.bytes(memory.gradients()), Format.bytes(memory.step()),
                Format.bytes(memory.data()), Format.bytes(plan.resident())));
    }

    private void recipe(GptConfig model, RunConfig.Growth growth) {
        OptionalLong here = MachineMemory.available();
        Recipe recipe = Recipe.forModel(model).withOptimizer(optimizer.kind, optimizer.settings()).withDType(dtype)
                .withRecompute(recompute)
                .withBatchSize(batches.sequences()).withClipping(clipNorm != null).withGrowth(batches.first(), growth);
        if (tokens != null) {
            recipe = recipe.forTokens(tokens);
        }
        if (memory != null || here.isPresent()) {
            recipe = recipe.onMemory(memory != null ? memory : here.getAsLong());
        }
        MachineLoad load = MachineLoad.now();
        Optional<TrainingSpeed> speed = seconds == 0 ? Optional.empty() : Optional.of(measure(recipe.choice(), here));
        if (speed.isPresent()) {
            recipe = recipe.withThroughput(speed.get().throughput());
        }
        new RecipeReport(console, recipe, speed, load).write(shape.preset != null ? shape.preset : closestPreset(model));
    }

    private TrainingSpeed measure(MemoryPlan.Choice choice, OptionalLong here) {
        try (Progress progress = new Progress(console); Backend backend = backends.open()) {
            console.row("backend", backend.info().toString());
            return TrainingSpeed.measure(choice, backend.kernels(), seconds, here,
                    done -> progress.report("measure the speed", (long) (1000 * done), (long) (1000 * seconds)));
        }
    }

    /** The one that needs the fewest options beside it. */
    private static String closestPreset(GptConfig model) {
        return GptConfig.PRESETS.stream().filter(name -> GptConfig.preset(name).equals(model)).findFirst().orElse(OWN_SHAPE);
    }

    private GptConfig model() {
        try {
            GptConfig base = parameters != null ? ModelSizes.forParameters(parameters)
                    : GptConfig.preset(Objects.requireNonNullElse(shape.preset, OWN_SHAPE));
            return shape.model(base);
        } catch (IllegalArgumentException e) {
            throw new UsageException("plan: " + e.getMessage());
        }
    }
}
