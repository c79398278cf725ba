package dev.smallbatch.model.cli;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.MemoryPlan;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.model.run.UsageException;
import dev.smallbatch.optim.train.StepMemory;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code plan}: what training would take, and what it would take with other options. Allocates nothing. */
@Command(name = "plan", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Says how much memory training takes, to the byte but for the JVM, before anything is allocated.",
        footer = {"", "Example: the paper's 124M model, and what would make it smaller", "  smallbatch plan --preset gpt2s --optimizer sgd"})
final class PlanCommand implements Callable<Integer> {
    private static final String ROW = "%-18s %10s %10s %10s %12s %10s %12s";

    private final Console console;

    @Option(names = "--preset", paramLabel = "NAME", defaultValue = "small",
            description = "tiny, small, lm11m, gpt2s or gpt3xl (default: ${DEFAULT-VALUE}).")
    private String preset;

    @Option(names = "--layers", paramLabel = "N", description = "Blocks, instead of the preset's.")
    private Integer layers;

    @Option(names = "--dim", paramLabel = "N", description = "Width, instead of the preset's.")
    private Integer dim;

    @Option(names = "--heads", paramLabel = "N", description = "Attention heads, instead of the preset's.")
    private Integer heads;

    @Option(names = "--seq-len", paramLabel = "N", description = "Tokens of a sequence, instead of the preset's.")
    private Integer seqLen;

    @Option(names = "--vocab-size", paramLabel = "N", description = "Tokens of the vocabulary, instead of the preset's.")
    private Integer vocabularySize;

    @Option(names = "--batch-size", paramLabel = "N", defaultValue = "1",
            description = "Sequences per update (default: ${DEFAULT-VALUE}).")
    private int batchSize;

    @Option(names = "--optimizer", paramLabel = "NAME", defaultValue = "adamw",
            description = "sgd, momentum, nesterov, signum, adamw, adafactor, muon, lion, adagrad or rmsprop"
                    + " (default: ${DEFAULT-VALUE}).")
    private OptimizerKind optimizer;

    @Option(names = "--dtype", paramLabel = "TYPE", defaultValue = "f32",
            description = "Type of the weights, f32 or bf16 (default: ${DEFAULT-VALUE}).")
    private DType dtype;

    @Option(names = "--clip-norm", paramLabel = "N", description = "As in train: clipping keeps all gradients, whatever the norm.")
    private Double clipNorm;

    @Option(names = "--recompute", negatable = true, description = "Compute activations again in the backward pass.")
    private boolean recompute;

    PlanCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (batchSize < 1) {
            throw new UsageException("plan: --batch-size " + batchSize + "; must be above 0");
        }
        GptConfig model = model();
        MemoryPlan plan = MemoryPlan.of(new MemoryPlan.Choice(model, dtype, optimizer, clipNorm != null, batchSize, recompute));
        console.out().println(Format.text("%s parameters, sequences of %,d tokens", Format.count(model.parameterCount()), model.seqLen()));
        console.out().println(Format.text(ROW, "", "weights", "optimizer", "gradients", "activations", "tokens", "with the JVM"));
        row("as given", plan);
        plan.neighbours().forEach(this::row);
        console.out().println(Format.text("the JVM itself takes about %s; everything else is exact", Format.bytes(MemoryPlan.JVM_BYTES)));
        return 0;
    }

    private void row(String label, MemoryPlan plan) {
        StepMemory memory = plan.memory();
        console.out().println(Format.text(ROW, label, Format.bytes(memory.parameters()), Format.bytes(memory.optimizerState()),
                memory.gradients() == 0 ? "not kept" : Format.bytes(memory.gradients()), Format.bytes(memory.step()),
                Format.bytes(memory.data()), Format.bytes(plan.resident())));
    }

    private GptConfig model() {
        try {
            GptConfig base = GptConfig.preset(preset);
            return base.withSizes(or(layers, base.layers()), or(dim, base.dim()), or(heads, base.heads()), or(seqLen, base.seqLen()),
                    or(vocabularySize, base.vocabularySize()));
        } catch (IllegalArgumentException e) {
            throw new UsageException("plan: " + e.getMessage());
        }
    }

    private static int or(Integer value, int otherwise) {
        return Objects.requireNonNullElse(value, otherwise);
    }
}
