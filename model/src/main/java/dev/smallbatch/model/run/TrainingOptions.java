package dev.smallbatch.model.run;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.optim.batch.BatchController;
import dev.smallbatch.optim.train.Accumulation;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;

/**
 * What a training run shall do. Only the output directory and the data must be given; everything else has a default that suits
 * model and text ({@link Defaults}). Setters return this object; not for sharing between threads.
 *
 * <pre>{@code
 * TrainingOptions options = TrainingOptions.into(Path.of("run")).data(Path.of("corpus.txt")).preset("small").tokens(2_000_000);
 * }</pre>
 */
public final class TrainingOptions {
    private static final int MOST_THREADS = 1024;

    final Path out;
    List<Path> data = List.of();
    String glob;
    String preset;
    Integer layers;
    Integer dim;
    Integer heads;
    Integer seqLen;
    Integer vocabularySize;
    Boolean stableEmbedding;
    DType dtype;
    Rounding rounding;
    String tokenizer;
    Double validationFraction;
    Integer batchSize;
    RunConfig.Growth growth;
    Long tokens;
    Long steps;
    Double seconds;
    OptimizerKind optimizer;
    Double lr;
    Double beta1;
    Double beta2;
    Double beta2HalfLife;
    final SequencedMap<String, String> settings = new LinkedHashMap<>();
    Double weightDecay;
    Double clipNorm;
    Double warmupFraction;
    ScheduleKind schedule;
    Long seed;
    Long evalEvery;
    Long checkpointEvery;
    Integer threads;
    String backend = "auto";
    Boolean recompute;
    Integer accumulate;
    Accumulation.Weighting accumulateBy;
    boolean resume;

    private TrainingOptions(Path out) {
        this.out = Objects.requireNonNull(out, "out");
    }

    /** A run in a directory that does not exist, is empty, or holds a run to {@link #resume}. */
    public static TrainingOptions into(Path out) {
        return new TrainingOptions(out);
    }

    /** Text to learn from: files, directories, zip or jar archives. */
    public TrainingOptions data(List<Path> paths) {
        data = List.copyOf(paths);
        return this;
    }

    /** Text to learn from: files, directories, zip or jar archives. */
    public TrainingOptions data(Path... paths) {
        return data(List.of(paths));
    }

    /** Which files of directories and archives, for example {@code *.java}; null for all. */
    public TrainingOptions glob(String value) {
        glob = value;
        return this;
    }

    /** A named size: tiny, small, lm11m, gpt2s or gpt3xl. */
    public TrainingOptions preset(String value) {
        preset = value;
        return this;
    }

    /** Number of blocks, instead of the preset's. */
    public TrainingOptions layers(Integer value) {
        layers = value;
        return this;
    }

    /** Width of the residual stream, instead of the preset's. */
    public TrainingOptions dim(Integer value) {
        dim = value;
        return this;
    }

    /** Attention heads, instead of the preset's. */
    public TrainingOptions heads(Integer value) {
        heads = value;
        return this;
    }

    /** Tokens of a sequence, instead of the preset's. */
    public TrainingOptions seqLen(Integer value) {
        seqLen = value;
        return this;
    }

    /** Whether token vectors start uniform and are normalized, {@link dev.smallbatch.model.gpt.GptConfig#stableEmbedding}. */
    public TrainingOptions stableEmbedding(Boolean value) {
        stableEmbedding = value;
        return this;
    }

    /** Tokens of a vocabulary that is learned. */
    public TrainingOptions vocabularySize(Integer value) {
        vocabularySize = value;
        return this;
    }

    /** How matrices and tables are stored: F32, or BF16 for half the memory. */
    public TrainingOptions dtype(DType value) {
        dtype = value;
        return this;
    }

    /** How BF16 weights are rounded after an update: stochastic, or nearest-even to see why not. */
    public TrainingOptions rounding(Rounding value) {
        rounding = value;
        return this;
    }

    /** {@code byte}, {@code bpe} (learned from the text), or a directory with a vocabulary. */
    public TrainingOptions tokenizer(String value) {
        tokenizer = value;
        return this;
    }

    /** Part of the text that is kept for validation. */
    public TrainingOptions validationFraction(Double value) {
        validationFraction = value;
        return this;
    }

    /** Sequences per update. */
    public TrainingOptions batchSize(Integer value) {
        batchSize = value;
        return this;
    }

    /**
     * Batches that grow as their gradients' noise begins to drown them, see {@link BatchController}. The run is then a number of
     * tokens, and every sequence goes through the model alone; excludes {@link #batchSize}, {@link #steps}, {@link #seconds}
     * and {@link #accumulate}.
     *
     * @param initial sequences of the first update, at least 2; null for the usual
     * @param how they grow, see {@link RunConfig.Growth}; null for batches of one size
     */
    public TrainingOptions adaptiveBatch(Integer initial, RunConfig.Growth how) {
        batchSize = initial;
        growth = how;
        return this;
    }

    /** Length of the run in tokens; excludes {@link #steps} and {@link #seconds}. */
    public TrainingOptions tokens(Long value) {
        tokens = value;
        return this;
    }

    /** Length of the run in updates. */
    public TrainingOptions steps(Long value) {
        steps = value;
        return this;
    }

    /** Length of the run in seconds, roughly: the speed is measured first, then the number of updates is fixed. */
    public TrainingOptions seconds(Double value) {
        seconds = value;
        return this;
    }

    /** The update rule. */
    public TrainingOptions optimizer(OptimizerKind value) {
        optimizer = value;
        return this;
    }

    /** Peak learning rate. */
    public TrainingOptions lr(Double value) {
        lr = value;
        return this;
    }

    /** First decay per step, or momentum, of a rule that has one. */
    public TrainingOptions beta1(Double value) {
        beta1 = value;
        return this;
    }

    /** Second decay per step, of a rule that has one; excludes {@link #beta2HalfLife}. To Adafactor it replaces its power. */
    public TrainingOptions beta2(Double value) {
        beta2 = value;
        return this;
    }

    /** Second decay as a half-life in tokens. */
    public TrainingOptions beta2HalfLife(Double value) {
        beta2HalfLife = value;
        return this;
    }

    /**
     * A setting of the optimizer's own, see {@link OptimizerKind#settings()}.
     *
     * @param value a number or a word
     */
    public TrainingOptions set(String name, Object value) {
        settings.put(name, value.toString());
        return this;
    }

    /** Decoupled weight decay. */
    public TrainingOptions weightDecay(Double value) {
        weightDecay = value;
        return this;
    }

    /** Largest norm of all gradients together; null for no clipping. */
    public TrainingOptions clipNorm(Double value) {
        clipNorm = value;
        return this;
    }

    /** Part of the run in which the learning rate rises. */
    public TrainingOptions warmupFraction(Double value) {
        warmupFraction = value;
        return this;
    }

    /** Learning rate after the warm-up. */
    public TrainingOptions schedule(ScheduleKind value) {
        schedule = value;
        return this;
    }

    /** Of all random numbers. */
    public TrainingOptions seed(Long value) {
        seed = value;
        return this;
    }

    /** Steps between two evaluations, of the first size if batches grow; 0 for none. */
    public TrainingOptions evalEvery(Long value) {
        evalEvery = value;
        return this;
    }

    /** Steps between two checkpoints, of the first size if batches grow; 0 for the end alone. */
    public TrainingOptions checkpointEvery(Long value) {
        checkpointEvery = value;
        return this;
    }

    /** Threads that compute; null for one per processor. */
    public TrainingOptions threads(Integer value) {
        threads = value;
        return this;
    }

    /** {@code auto}, {@code vector}, {@code scalar}, or a list in order of preference. */
    public TrainingOptions backend(String value) {
        backend = Objects.requireNonNull(value, "backend");
        return this;
    }

    /** Compute activations inside blocks again in backward instead of keeping them: less memory, more time, the same bits. */
    public TrainingOptions recompute(Boolean value) {
        recompute = value;
        return this;
    }

    /** Equal parts of every batch whose gradients are accumulated; 1, the default, for none. See {@link Accumulation}. */
    public TrainingOptions accumulate(Integer value) {
        accumulate = value;
        return this;
    }

    /** What counts equally in the mean of accumulated gradients: targets, the default, or micro-batches. */
    public TrainingOptions accumulateBy(Accumulation.Weighting value) {
        accumulateBy = value;
        return this;
    }

    /** Go on with the run in the directory, with its own options; any other that is given must say the same. */
    public TrainingOptions resume(boolean value) {
        resume = value;
        return this;
    }

    /**
     * Checks what can be checked without reading anything.
     *
     * @throws UsageException if options contradict each other or are out of range
     */
    void check() {
        new OptionChecks(this).check();
    }

    /**
     * Refuses what computes nothing, or more threads than a machine has.
     *
     * @param backend a name or a list of names
     * @param threads null for one per processor
     * @throws UsageException if it does
     */
    public static void requireComputing(String backend, Integer threads) {
        if (List.of(backend.split("\\s*,\\s*")).contains("none")) {
            throw new UsageException("--backend none plans memory and computes nothing; choose auto, vector or scalar");
        }
        if (threads != null && (threads < 1 || threads > MOST_THREADS)) {
            throw new UsageException("--threads " + threads + "; from 1 to " + MOST_THREADS);
        }
    }
}
