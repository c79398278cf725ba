package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.run.ScheduleKind;
import dev.smallbatch.model.run.TrainingOptions;
import dev.smallbatch.optim.train.Accumulation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code train}: options, and nothing else. */
@Command(name = "train", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Trains a model on text. Everything but --data and --out has a default that suits"
                + " model and text, and is printed.",
        footer = {"", "Numbers may end in k, M or G: 2M is 2,000,000.", "",
            "Example: a model of a single text file", "  smallbatch train --data corpus.txt --out run",
            "Example: all Java sources below a directory, two million tokens",
            "  smallbatch train --data src --glob '*.java' --out run --tokens 2M",
            "Example: go on after Ctrl-C", "  smallbatch train --out run --resume"})
final class TrainCommand implements Callable<Integer> {
    private final Console console;

    @Spec
    private CommandSpec spec;

    @Option(names = "--data", arity = "1..*", paramLabel = "PATH",
            description = "Text to learn from, UTF-8: files, directories, zip or jar archives.")
    private List<Path> data = List.of();

    @Option(names = "--glob", paramLabel = "GLOB",
            description = "Which files of directories and archives, for example '*.java' (default: all text).")
    private String glob;

    @Option(names = "--tokenizer", paramLabel = "KIND",
            description = "byte, bpe (learned from the text), or a directory with a vocabulary (default: bpe, byte below"
                    + " 200 kB).")
    private String tokenizer;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Where everything is written; new or empty.")
    private Path out;

    @Option(names = "--resume", description = "Go on with the run in --out from its checkpoint; no other option is needed.")
    private boolean resume;

    @ArgGroup(validate = false, heading = "%nModel:%n")
    private final ModelOptions model = new ModelOptions();

    @ArgGroup(validate = false, heading = "%nOptimizer:%n")
    private final OptimizerOptions optimizer = new OptimizerOptions();

    @ArgGroup(validate = false, heading = "%nBatches:%n")
    private final BatchOptions batches = new BatchOptions();

    @ArgGroup(validate = false, heading = "%nTraining:%n")
    private final UpdateOptions update = new UpdateOptions();

    @ArgGroup(validate = false, heading = "%nRun:%n")
    private final LoopOptions loop = new LoopOptions();

    @Mixin
    private final BackendOptionGroup backend = new BackendOptionGroup();

    /** How parameters change. */
    private static final class UpdateOptions {
        @Option(names = "--tokens", paramLabel = "N",
                description = "Length of the run (default: 20 for each active parameter, but the text at most 4 times).")
        private Long tokens;
        @Option(names = "--steps", paramLabel = "N", description = "Length of the run in updates, instead of --tokens.")
        private Long steps;
        @Option(names = "--recompute", negatable = true,
                description = "Compute activations again in the backward pass instead of keeping them: less memory, same result.")
        private Boolean recompute;
        @Option(names = "--dtype", paramLabel = "TYPE",
                description = "Type of the weights, f32 or bf16; arithmetic is in f32 (default: f32).")
        private DType dtype;
        @Option(names = "--rounding", paramLabel = "KIND",
                description = "How bf16 weights are rounded after an update: stochastic, or nearest to see why not"
                        + " (default: stochastic).")
        private Rounding rounding;
        @Option(names = "--lr", paramLabel = "RATE",
                description = "Peak learning rate (default: by optimizer, of most by width and batch size).")
        private Double lr;
        @Option(names = "--beta1", paramLabel = "B",
                description = "First decay per step, or momentum (default: by optimizer, mostly 0.9).")
        private Double beta1;
        @Option(names = "--beta2", paramLabel = "B", description = "Second decay per step, instead of a half-life.")
        private Double beta2;
        @Option(names = "--beta2-half-life", paramLabel = "TOKENS",
                description = "Second decay as a half-life in tokens (default: a 50th of the run, at least 14 updates).")
        private Double beta2HalfLife;
        @Option(names = "--weight-decay", paramLabel = "W",
                description = "Decoupled weight decay (default: by optimizer, mostly 0).")
        private Double weightDecay;
        @Option(names = "--warmup-frac", paramLabel = "F",
                description = "Part of the run in which the rate rises (default: 0.05).")
        private Double warmupFraction;
        @Option(names = "--schedule", paramLabel = "NAME",
                description = "cosine or constant (default: by optimizer, mostly cosine, down to 0).")
        private ScheduleKind schedule;
        @Option(names = "--ema", paramLabel = "D",
                description = "Keep an average of weights with decay D per step, such as 0.999, and evaluate and export that; 4"
                        + " bytes more for each parameter (default: none).")
        private Double ema;
        @Option(names = "--clip-norm", paramLabel = "N", description = "Largest norm of all gradients together (default: none).")
        private Double clipNorm;
        @Option(names = "--accumulate", paramLabel = "N",
                description = "Make each update of N equal parts of a batch, one after the other (default: 1). On one device this"
                        + " costs memory and updates and gains nothing; to compare.")
        private Integer accumulate;
        @Option(names = "--accumulate-by", paramLabel = "WHAT",
                description = "What counts equally in an update: every token, or every microbatch (default: token).")
        private Accumulation.Weighting accumulateBy;
    }

    /** What does not change the result, but for the seed. */
    private static final class LoopOptions {
        @Option(names = "--seed", paramLabel = "N", description = "Of all random numbers (default: 0).")
        private Long seed;
        @Option(names = "--eval-every", paramLabel = "STEPS",
                description = "Steps between evaluations, 0 for none (default: a 10th of the run).")
        private Long evalEvery;
        @Option(names = "--checkpoint-every", paramLabel = "STEPS",
                description = "Steps between checkpoints (default: a 20th of the run, at most 1000).")
        private Long checkpointEvery;
    }

    TrainCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException {
        requireOnce();
        return new TrainingSession(console).run(options()).exitCode();
    }

    /** To picocli an option of a group that comes again begins another group, in which the options given before are forgotten. */
    private void requireOnce() {
        List<String> arguments = spec.commandLine().getParseResult().originalArgs();
        for (OptionSpec option : spec.options()) {
            String name = option.longestName();
            if (!option.isMultiValue()
                    && arguments.stream().filter(a -> a.equals(name) || a.startsWith(name + "=")).count() > 1) {
                throw new ParameterException(spec.commandLine(), "option '" + name + "' should be specified only once");
            }
        }
    }

    private TrainingOptions options() {
        TrainingOptions options = TrainingOptions.into(out).data(data).glob(glob).resume(resume)
                .tokenizer(tokenizer)
                .tokens(update.tokens).steps(update.steps).optimizer(optimizer.kind).lr(update.lr)
                .beta1(update.beta1).beta2(update.beta2).beta2HalfLife(update.beta2HalfLife)
                .weightDecay(update.weightDecay)
                .warmupFraction(update.warmupFraction).schedule(update.schedule).clipNorm(update.clipNorm)
                .accumulate(update.accumulate).accumulateBy(update.accumulateBy)
                .recompute(update.recompute).dtype(update.dtype).rounding(update.rounding)
                .seed(loop.seed).evalEvery(loop.evalEvery).checkpointEvery(loop.checkpointEvery)
                .threads(backend.threads).backend(backend.backend);
        model.into(options);
        optimizer.given.forEach(options::set);
        if (update.ema != null) {
            options.set("ema", update.ema);
        }
        return batches.into(options);
    }
}
