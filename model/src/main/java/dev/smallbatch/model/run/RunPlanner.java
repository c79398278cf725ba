package dev.smallbatch.model.run;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.data.CorpusBuilder;
import dev.smallbatch.model.data.PreparedCorpus;
import dev.smallbatch.model.data.TokenizerChoice;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.tokenizer.BpeTrainer;
import dev.smallbatch.model.tokenizer.ByteTokenizer;
import dev.smallbatch.model.tokenizer.Tokenizer;
import dev.smallbatch.optim.batch.BatchTest;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.batch.RunLength;
import dev.smallbatch.optim.train.Accumulation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;

/** Turns what was asked for into a {@link RunConfig}, with {@link Defaults} for the rest. */
final class RunPlanner {
    private static final int MOST_TOKENS = 1 << 20;

    private final TrainingOptions options;

    RunPlanner(TrainingOptions options) {
        this.options = options;
    }

    /**
     * The architecture.
     *
     * @throws UsageException if its sizes are impossible
     */
    GptConfig model(int vocabularySize) {
        try {
            GptConfig preset = GptConfig.preset(or(options.preset, Defaults.PRESET));
            return preset.withSizes(or(options.layers, preset.layers()), or(options.dim, preset.dim()),
                    or(options.heads, preset.heads()), or(options.seqLen, preset.seqLen()), vocabularySize)
                    .withStableEmbedding(or(options.stableEmbedding, false));
        } catch (IllegalArgumentException e) {
            throw new UsageException("train: " + e.getMessage());
        }
    }

    /** {@code byte}, {@code bpe} or a directory. */
    String tokenizerName(long textBytes) {
        return options.tokenizer != null ? options.tokenizer
                : options.vocabularySize != null ? "bpe" : Defaults.tokenizer(textBytes);
    }

    TokenizerChoice tokenizer(long textBytes) throws IOException {
        String name = tokenizerName(textBytes);
        return switch (name) {
            case "byte" -> new TokenizerChoice.Existing(new ByteTokenizer());
            case "bpe" -> new TokenizerChoice.TrainBpe(vocabularySize(textBytes));
            default -> new TokenizerChoice.Existing(Tokenizer.load(Path.of(name)));
        };
    }

    private int vocabularySize(long textBytes) {
        int size = or(options.vocabularySize, Defaults.vocabularySize(textBytes));
        if (size < BpeTrainer.MIN_VOCABULARY) {
            throw new UsageException("train: --vocab-size " + size + "; a learned vocabulary has at least "
                    + BpeTrainer.MIN_VOCABULARY + " tokens, use --tokenizer byte for 256");
        }
        if (size > MOST_TOKENS) {
            throw new UsageException("train: --vocab-size " + size + "; a learned vocabulary has at most " + MOST_TOKENS
                    + " tokens");
        }
        return size;
    }

    double validationFraction() {
        return or(options.validationFraction, CorpusBuilder.DEFAULT_VALIDATION_FRACTION);
    }

    /**
     * What was asked for, and the recipe for the rest.
     *
     * @param available bytes of memory, if that is known
     */
    Recipe recipe(PreparedCorpus corpus, OptionalLong available) {
        GptConfig model = model(corpus.tokenizer().vocabularySize());
        requirePossible(model);
        boolean decays = options.beta1 != null || options.beta2 != null || options.beta2HalfLife != null;
        OptimizerKind optimizer = options.optimizer == null && (decays || !options.settings.isEmpty()) ? OptimizerKind.ADAMW
                : options.optimizer;
        Recipe recipe = Recipe.forModel(model)
                .withOptimizer(optimizer, optimizer == null ? null : settings(optimizer, options.settings))
                .withDType(options.dtype).withRecompute(options.recompute)
                .withBatchSize(options.batchSize)
                .withClipping(options.clipNorm != null).withAccumulation(or(options.accumulate, 1))
                .withGrowth(options.batchSize, options.growth)
                .forTokens(or(options.tokens, Defaults.tokens(model, corpus.training().size())));
        return available.isPresent() ? recipe.onMemory(available.getAsLong()) : recipe;
    }

    /** Sequences of the first update. */
    int batchSize() {
        return or(options.batchSize, options.growth != null ? Defaults.FIRST_BATCH : Defaults.BATCH_SIZE);
    }

    private void requirePossible(GptConfig model) {
        int batchSize = batchSize();
        if ((long) batchSize * model.seqLen() > Integer.MAX_VALUE) {
            throw new UsageException("train: --batch-size " + batchSize + " with sequences of " + model.seqLen()
                    + " tokens; an update has at most " + Integer.MAX_VALUE + " tokens");
        }
    }

    /** The whole run; of {@code options.seconds} the number of steps is fixed later. */
    RunConfig plan(PreparedCorpus corpus, String tokenizerName, Recipe recipe) {
        GptConfig model = recipe.choice().model();
        int batchSize = recipe.choice().batchSize();
        RunConfig.Text text = new RunConfig.Text(paths(), options.glob, validationFraction(), tokenizerName,
                corpus.tokenizer().fingerprint(), corpus.training().size(), corpus.validation().size());
        long tokensPerStep = recipe.hyperparameters().tokensPerStep();
        long steps = or(options.steps, recipe.hyperparameters().steps());
        if (steps > Long.MAX_VALUE / tokensPerStep) {
            throw new UsageException("train: " + steps + " steps of " + tokensPerStep + " tokens are too many; lower --steps or"
                    + " --tokens");
        }
        long seed = or(options.seed, 0L);
        RunConfig.Weights weights = new RunConfig.Weights(recipe.choice().dtype(), or(options.rounding, recipe.rounding()));
        return withSteps(new RunConfig(model, weights, text, batchSize, steps, null, seed, null, recipe.choice().recompute(),
                accumulation(), recipe.growth().orElse(null)), recipe.choice().optimizer(), steps);
    }

    private Accumulation accumulation() {
        if (options.growth != null) {
            return new Accumulation(batchSize(), Accumulation.Weighting.MICROBATCH);
        }
        return new Accumulation(or(options.accumulate, 1), or(options.accumulateBy, Accumulation.Weighting.TOKEN));
    }

    /** The same run with another length, and with whatever follows from it. */
    RunConfig withSteps(RunConfig config, long steps) {
        return withSteps(config, config.update().optimizer(), steps);
    }

    private RunConfig withSteps(RunConfig config, OptimizerKind optimizer, long steps) {
        long sequences = (config.text().validationTokens() - 1) / config.model().seqLen();
        RunConfig.Intervals intervals = intervals(Defaults.intervals(steps, config.batchSize(), sequences));
        return config.withSteps(steps, update(config, optimizer, steps), intervals);
    }

    private RunConfig.Update update(RunConfig config, OptimizerKind optimizer, long steps) {
        double lr = or(options.lr, Defaults.lr(optimizer, config.model().dim(), config.batchSize()));
        Decay beta2 = beta2(optimizer, steps, config.tokensPerStep());
        return new RunConfig.Update(optimizer, lr, or(options.beta1, optimizer.beta1()), beta2,
                settings(optimizer, options.settings), or(options.weightDecay, optimizer.weightDecay()), options.clipNorm,
                or(options.schedule, optimizer.schedule()), or(options.warmupFraction, RunLength.WARMUP_FRACTION));
    }

    private Settings settings(OptimizerKind optimizer, Map<String, String> given) {
        return optimizer.settings(given, options.beta2 != null || options.beta2HalfLife != null);
    }

    private Decay beta2(OptimizerKind optimizer, long steps, long tokensPerStep) {
        if (options.beta2 != null) {
            return new Decay.PerStep(options.beta2);
        }
        return options.beta2HalfLife != null ? new Decay.HalfLife(options.beta2HalfLife)
                : optimizer.beta2(steps * tokensPerStep, tokensPerStep);
    }

    /** With the intervals that were asked for; they may also be changed when a run goes on. */
    RunConfig.Intervals intervals(RunConfig.Intervals otherwise) {
        return new RunConfig.Intervals(otherwise.log(), or(options.evalEvery, otherwise.eval()), otherwise.evalSequences(),
                or(options.checkpointEvery, otherwise.checkpoint()));
    }

    /** Whether activations are computed again; may change when a run goes on, too. */
    boolean recompute(boolean otherwise) {
        return or(options.recompute, otherwise);
    }

    /**
     * Checks options that are given while going on with a run.
     *
     * @throws UsageException if one says something else than the run
     */
    void requireSame(RunConfig run) {
        requireSameModel(run.model());
        same("--dtype", options.dtype, run.weights().dtype());
        same("--rounding", options.rounding, run.weights().dtype() == DType.BF16 ? run.weights().rounding() : null);
        same("--batch-size", options.growth != null ? "adaptive" : options.batchSize,
                run.growth() == null ? run.batchSize() : "adaptive");
        if (options.growth != null) {
            same("--batch-initial", options.batchSize, run.batchSize());
            requireSameGrowth(options.growth, run.growth());
        }
        same("--seconds", options.seconds, run.tokens() + " tokens");
        same("--steps", options.steps, run.growth() == null ? run.steps() : run.tokens() + " tokens");
        same("--tokens", options.tokens == null ? null
                : RunLength.steps(options.tokens, run.tokensPerStep()) * run.tokensPerStep(), run.tokens());
        int parts = run.growth() == null ? run.accumulation().microBatches() : 1;
        same("--accumulate", options.accumulate, parts);
        same("--accumulate-by", options.accumulateBy, parts == 1 ? null : run.accumulation().weighting());
        same("--seed", options.seed, run.seed());
        same("--data", options.data.isEmpty() ? null : paths(), run.text().paths());
        same("--glob", options.glob, run.text().glob());
        same("validation fraction", options.validationFraction, run.text().validationFraction());
        same("--tokenizer", options.tokenizer, run.text().tokenizer());
        requireSameUpdate(run.update());
    }

    private void requireSameGrowth(RunConfig.Growth given, RunConfig.Growth stored) {
        if (stored == null) {
            return;
        }
        same("--batch-max", given.max(), stored.max());
        same("--batch-test", given.test() == null ? null : BatchTest.of(given.test()), BatchTest.of(stored.test()));
        same("--batch-interval", given.interval(), stored.interval());
        same("--lr-scaling", given.lrScaling(), stored.lrScaling());
    }

    private void requireSameUpdate(RunConfig.Update update) {
        same("--optimizer", options.optimizer == null ? null : options.optimizer.option(), update.optimizer().option());
        same("--lr", options.lr, update.lr());
        same("--beta1", options.beta1, update.optimizer().hasBeta1() ? update.beta1() : null);
        Map<String, String> settings = update.optimizer().settings(options.settings, update.beta2() != null).values();
        String absent = OptimizerKind.EMA.usual(); // the only setting that is not stored if it has its default
        options.settings.keySet().forEach(name -> same("--set " + name, settings.getOrDefault(name, absent),
                update.settings().values().getOrDefault(name, absent)));
        same("--weight-decay", options.weightDecay, update.weightDecay());
        same("--clip-norm", options.clipNorm, update.clipNorm());
        same("--schedule", options.schedule, update.schedule());
        same("--warmup-frac", options.warmupFraction, update.warmupFraction());
        same("--beta2", options.beta2, update.beta2() instanceof Decay.PerStep(double beta) ? beta : update.beta2());
        same("--beta2-half-life", options.beta2HalfLife,
                update.beta2() instanceof Decay.HalfLife(double tokens) ? tokens : update.beta2());
    }

    private void requireSameModel(GptConfig model) {
        if (options.preset != null) {
            GptConfig asked = model(model.vocabularySize());
            same("--preset " + options.preset + ": layers", asked.layers(), model.layers());
            same("--preset " + options.preset + ": dim", asked.dim(), model.dim());
            same("--preset " + options.preset + ": heads", asked.heads(), model.heads());
            same("--preset " + options.preset + ": seq-len", asked.seqLen(), model.seqLen());
        }
        same("--layers", options.layers, model.layers());
        same("--dim", options.dim, model.dim());
        same("--heads", options.heads, model.heads());
        same("--seq-len", options.seqLen, model.seqLen());
        same("--stable-embedding", options.stableEmbedding, model.stableEmbedding());
        same("--vocab-size", options.vocabularySize, model.vocabularySize());
    }

    private void same(String option, Object asked, Object stored) {
        if (asked != null && !asked.equals(stored)) {
            throw new UsageException("train --resume: " + option + " " + asked + " contradicts the run in " + options.out
                    + ", which has " + (stored == null ? "none" : stored)
                    + "; leave the option out, or start a new run with another --out");
        }
    }

    private List<String> paths() {
        return options.data.stream().map(path -> path.toAbsolutePath().normalize().toString()).toList();
    }

    private static <T> T or(T value, T otherwise) {
        return Objects.requireNonNullElse(value, otherwise);
    }
}
