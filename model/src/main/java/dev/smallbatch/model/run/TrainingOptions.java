package dev.smallbatch.model.run;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.optim.train.Accumulation;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;

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
    DType dtype;
    Rounding rounding;
    String tokenizer;
    Double validationFraction;
    Integer batchSize;
    Long tokens;
    Long steps;
    Double seconds;
    OptimizerKind optimizer;
    Double lr;
    Double beta1;
    Double beta2;
    Double beta2HalfLife;
    Double adafactorPower;
    Double muonLr;
    Double muonBeta;
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

    /** Second decay per step, of a rule that has one; excludes {@link #beta2HalfLife}. To Adafactor it replaces the power. */
    public TrainingOptions beta2(Double value) {
        beta2 = value;
        return this;
    }

    /** Second decay as a half-life in tokens. */
    public TrainingOptions beta2HalfLife(Double value) {
        beta2HalfLife = value;
        return this;
    }

    /** Adafactor's power c: {@code 1 - k^-c} of the old second moment stays in update k. */
    public TrainingOptions adafactorPower(Double value) {
        adafactorPower = value;
        return this;
    }

    /** Muon's peak learning rate for hidden matrices; {@link #lr} is that of AdamW for everything else. */
    public TrainingOptions muonLr(Double value) {
        muonLr = value;
        return this;
    }

    /** Muon's decay per step. */
    public TrainingOptions muonBeta(Double value) {
        muonBeta = value;
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

    /** Steps between two evaluations; 0 for none. */
    public TrainingOptions evalEvery(Long value) {
        evalEvery = value;
        return this;
    }

    /** Steps between two checkpoints; 0 for the end alone. */
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
        if (data.isEmpty() && !resume) {
            throw new UsageException("train: there is no text to learn from; give --data with files, directories or archives");
        }
        if (beta2 != null && beta2HalfLife != null) {
            throw new UsageException("train: --beta2 " + beta2 + " and --beta2-half-life " + beta2HalfLife
                    + " say the same thing twice; give one of them");
        }
        if ((tokens == null ? 0 : 1) + (steps == null ? 0 : 1) + (seconds == null ? 0 : 1) > 1) {
            throw new UsageException("train: give one of --tokens, --steps and --seconds, not several");
        }
        if (dtype != null && dtype != DType.F32 && dtype != DType.BF16) {
            throw new UsageException("train: --dtype " + RunConfigJson.lowerCase(dtype) + "; weights are f32 or bf16");
        }
        if (rounding != null && dtype == DType.F32 || rounding != null && dtype == null && !resume) {
            throw new UsageException("train: --rounding is for --dtype bf16; f32 weights are not rounded");
        }
        checkOptimizer();
        if (vocabularySize != null && tokenizer != null && !tokenizer.equals("bpe")) {
            throw new UsageException("train: --vocab-size is for --tokenizer bpe; the vocabulary of " + tokenizer
                    + " has its own size");
        }
        positive("--batch-size", batchSize);
        checkAccumulation();
        positive("--tokens", tokens);
        positive("--steps", steps);
        positive("--seconds", seconds);
        positive("--lr", lr);
        positive("--clip-norm", clipNorm);
        requireComputing(backend, threads);
        range("--beta1", beta1, 0, 1);
        range("--beta2", beta2, 0, 1);
        range("--warmup-frac", warmupFraction, 0, 1);
        range("--beta2-half-life", beta2HalfLife, 0, Double.MAX_VALUE);
        range("--weight-decay", weightDecay, 0, Double.MAX_VALUE);
        range("--eval-every", evalEvery, 0, Double.MAX_VALUE);
        range("--checkpoint-every", checkpointEvery, 0, Double.MAX_VALUE);
    }

    private void checkOptimizer() {
        belongs("--beta1", beta1, OptimizerKind::hasBeta1);
        belongs("--beta2", beta2, OptimizerKind::hasBeta2);
        belongs("--beta2-half-life", beta2HalfLife, OptimizerKind::hasBeta2);
        belongs("--adafactor-power", adafactorPower, kind -> kind == OptimizerKind.ADAFACTOR);
        belongs("--muon-lr", muonLr, kind -> kind == OptimizerKind.MUON);
        belongs("--muon-beta", muonBeta, kind -> kind == OptimizerKind.MUON);
        if (adafactorPower != null && (beta2 != null || beta2HalfLife != null)) {
            throw new UsageException("train: --adafactor-power and a second decay are two ways to forget; give one of them");
        }
        if (optimizer != null && optimizer.needsMomentum() && beta1 != null && beta1 == 0) {
            throw new UsageException("train: --beta1 0 with --optimizer " + optimizer.option()
                    + "; without momentum it is --optimizer sgd");
        }
        positive("--adafactor-power", adafactorPower);
        positive("--muon-lr", muonLr);
        range("--muon-beta", muonBeta, 0, 1);
    }

    private void belongs(String option, Double value, Predicate<OptimizerKind> to) {
        OptimizerKind chosen = optimizer == null ? OptimizerKind.ADAMW : optimizer;
        if (value != null && !to.test(chosen) && !(resume && optimizer == null)) {
            throw new UsageException("train: " + option + " belongs to --optimizer " + OptimizerKind.names(to) + "; "
                    + chosen.option() + " has none");
        }
    }

    private void checkAccumulation() {
        positive("--accumulate", accumulate);
        int parts = accumulate == null ? 1 : accumulate;
        int sequences = batchSize == null ? Defaults.BATCH_SIZE : batchSize;
        if (sequences % parts != 0 && !resume) {
            throw new UsageException("train: --accumulate " + parts + " divides every batch into equal parts, and --batch-size is "
                    + sequences + "; choose a multiple");
        }
        if (accumulateBy != null && parts == 1 && !resume) {
            throw new UsageException("train: --accumulate-by is for --accumulate 2 or more; without it nothing is weighed");
        }
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

    private static void positive(String option, Number value) {
        if (value != null && !(value.doubleValue() > 0 && value.doubleValue() <= Double.MAX_VALUE)) {
            throw new UsageException("train: " + option + " " + value + "; must be above 0");
        }
    }

    private static void range(String option, Number value, double from, double below) {
        if (value != null && !(value.doubleValue() >= from && value.doubleValue() < below)) {
            throw new UsageException("train: " + option + " " + value + "; must be at least " + (long) from
                    + (below == 1 ? " and below 1" : ""));
        }
    }
}
