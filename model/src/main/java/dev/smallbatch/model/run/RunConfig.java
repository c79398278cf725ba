package dev.smallbatch.model.run;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.BatchController;
import dev.smallbatch.optim.batch.BatchTest;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.batch.Hyperparameters;
import dev.smallbatch.optim.batch.LearningRateScaling;
import dev.smallbatch.optim.batch.RunLength;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.optim.schedule.WarmupCosine;
import dev.smallbatch.optim.train.Accumulation;
import dev.smallbatch.optim.train.TrainConfig;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A run with every choice made: what {@code config.json} of its directory says ({@link RunConfigJson}).
 *
 * @param model the architecture
 * @param weights how they are stored
 * @param text what is learned from
 * @param batchSize sequences per update, the first if batches grow
 * @param steps updates; if batches grow, as many as there would be at their first size
 * @param update how parameters change
 * @param seed of all random numbers
 * @param intervals what happens when; does not change the weights
 * @param recompute whether activations inside blocks are computed again in backward instead of being kept; does not change
 *     the weights either
 * @param accumulation of how many parts an update is made; if batches grow the first
 * @param growth how batches grow; null if they do not
 */
public record RunConfig(GptConfig model, Weights weights, Text text, int batchSize, long steps, Update update, long seed,
        Intervals intervals, boolean recompute, Accumulation accumulation, Growth growth) {

    /** Every batch in one piece. */
    RunConfig(GptConfig model, Weights weights, Text text, int batchSize, long steps, Update update, long seed,
            Intervals intervals, boolean recompute) {
        this(model, weights, text, batchSize, steps, update, seed, intervals, recompute, Accumulation.none(), null);
    }

    /**
     * How weights are stored.
     *
     * @param dtype of matrices and tables: F32 or BF16; everything else is F32
     * @param rounding of BF16 weights after an update; means nothing for F32
     */
    public record Weights(DType dtype, Rounding rounding) {}

    /**
     * What is learned from.
     *
     * @param paths files, directories and archives
     * @param glob which files of directories and archives, or null
     * @param validationFraction part that is kept for validation
     * @param tokenizer byte, bpe or the directory it came from
     * @param tokenizerFingerprint SHA-256 of the vocabulary
     * @param trainingTokens tokens to learn from
     * @param validationTokens tokens to judge by
     */
    public record Text(List<String> paths, String glob, double validationFraction, String tokenizer, String tokenizerFingerprint,
            long trainingTokens, long validationTokens) {}

    /**
     * How parameters change.
     *
     * @param optimizer the rule
     * @param lr peak learning rate
     * @param beta1 first decay per step; 0 if the rule has none
     * @param beta2 second decay; null if the rule has none
     * @param settings what the rule has beside the common options
     * @param weightDecay decoupled
     * @param clipNorm largest norm of all gradients together, or null
     * @param schedule learning rate after the warm-up
     * @param warmupFraction part of the run in which it rises
     */
    public record Update(OptimizerKind optimizer, double lr, double beta1, Decay beta2, Settings settings, double weightDecay,
            Double clipNorm, ScheduleKind schedule, double warmupFraction) {
        /** Of a rule without settings, or with the usual ones. */
        public Update(OptimizerKind optimizer, double lr, double beta1, Decay beta2, double weightDecay, Double clipNorm,
                ScheduleKind schedule, double warmupFraction) {
            this(optimizer, lr, beta1, beta2, optimizer.settings(Map.of(), beta2 != null), weightDecay, clipNorm, schedule,
                    warmupFraction);
        }
    }

    /**
     * How batches grow, sequence after sequence going through the model, so that memory stays as it is.
     *
     * @param test what a batch has to pass in order not to grow, {@link BatchTest#of}; usually norm
     * @param interval updates from one test to the next; usually 1
     * @param max most sequences of an update; usually 64
     * @param lrScaling how the learning rate follows them from the first size on, {@link LearningRateScaling#of}; usually
     *     observed
     */
    public record Growth(String test, Long interval, Integer max, String lrScaling) {
        private static final double LIMIT = 2;
        private static final double SMOOTHING = 0.9;

        /** With the usual in the place of what is null. */
        Growth complete() {
            return new Growth(Objects.requireNonNullElse(test, "norm"), Objects.requireNonNullElse(interval, 1L),
                    Objects.requireNonNullElse(max, Defaults.LARGEST_BATCH), Objects.requireNonNullElse(lrScaling, "observed"));
        }

        /** The first size; {@code initial} may be null for the usual. */
        public static int first(Integer initial) {
            return Objects.requireNonNullElse(initial, Defaults.FIRST_BATCH);
        }

        /**
         * Checks it.
         *
         * @param initial first size, null for the usual
         * @param parameters of the model; 0 if they are not known yet
         * @param optimizer null if it is not chosen yet
         * @throws UsageException if it is impossible, or would keep too many numbers
         */
        public void check(Integer initial, long parameters, OptimizerKind optimizer) {
            if (optimizer == OptimizerKind.LEARNED_SGD) {
                throw new UsageException("--batch-size adaptive with --optimizer learned-sgd: its rate goes with the curvature of"
                        + " batches of one size. Give a number, or another optimizer with --lr-scaling");
            }
            try {
                Growth complete = complete();
                complete.from(first(initial)).requireSmall(parameters);
                complete.scaling();
            } catch (IllegalArgumentException e) {
                throw new UsageException("--batch-size adaptive: " + e.getMessage());
            }
        }

        private LearningRateScaling scaling() {
            return LearningRateScaling.of(lrScaling);
        }

        BatchController.Settings from(int initial) {
            return new BatchController.Settings(BatchTest.of(test), 1, initial, max, interval, LIMIT, true, SMOOTHING);
        }
    }

    /**
     * What happens when, in steps, those of the first size if batches grow; 0 means never.
     *
     * @param log between two lines of metrics
     * @param eval between two evaluations
     * @param evalSequences validation sequences of an evaluation, spread evenly over the validation text
     * @param checkpoint between two checkpoints
     */
    public record Intervals(long log, long eval, long evalSequences, long checkpoint) {}

    /** Tokens of an update. */
    public long tokensPerStep() {
        return (long) batchSize * model.seqLen();
    }

    /** Tokens of the run. */
    public long tokens() {
        return steps * tokensPerStep();
    }

    /** Steps in which the learning rate rises. */
    public long warmupSteps() {
        return RunLength.warmupSteps(update.warmupFraction, steps);
    }

    /** What its batch size goes with; without a second decay if that is not of a mean of squares. */
    public Hyperparameters hyperparameters() {
        return new Hyperparameters(batchSize, model.seqLen(), tokens(), update.lr, new Decay.PerStep(update.beta1),
                update.beta2 == null || !update.optimizer.hasSecondMoment() ? new Decay.PerStep(0) : update.beta2,
                update.weightDecay, update.warmupFraction, null);
    }

    /** The update rules with their schedules. */
    List<ParameterGroup> groups() {
        return update.optimizer.groups(update, this::schedule);
    }

    private Schedule schedule(double peak) {
        long unit = growth == null ? 1 : tokensPerStep();
        Schedule schedule = switch (update.schedule) {
            case COSINE -> new WarmupCosine(peak, unit * steps, unit * warmupSteps());
            case CONSTANT -> new Constant(peak, unit * warmupSteps());
        };
        if (growth == null) {
            return schedule;
        }
        LearningRateScaling scaling = growth.scaling();
        return new Schedule.InTokens(schedule, tokens -> scaling.scale(1, batchSize, (double) tokens / model.seqLen()));
    }

    Clipping clipping() {
        return update.clipNorm == null ? Clipping.none() : new Clipping.GlobalNorm(update.clipNorm);
    }

    TrainConfig loop() {
        if (growth == null) {
            return new TrainConfig(steps, intervals.log, intervals.eval, intervals.checkpoint);
        }
        long unit = tokensPerStep();
        return new TrainConfig(TrainConfig.Unit.TOKENS, tokens(), unit * intervals.log, unit * intervals.eval,
                unit * intervals.checkpoint);
    }

    RunConfig withSteps(long newSteps, Update newUpdate, Intervals newIntervals) {
        return new RunConfig(model, weights, text, batchSize, newSteps, newUpdate, seed, newIntervals, recompute, accumulation,
                growth);
    }

    /** The same run, which may go on with other choices that do not change the weights. */
    RunConfig continued(Intervals newIntervals, boolean newRecompute) {
        return new RunConfig(model, weights, text, batchSize, steps, update, seed, newIntervals, newRecompute, accumulation,
                growth);
    }

    /** What the run takes, before any of it is allocated. */
    MemoryPlan memory() {
        return MemoryPlan.of(new MemoryPlan.Choice(model, weights.dtype, update.optimizer, update.settings,
                update.clipNorm != null, batchSize, recompute, accumulation.microBatches()));
    }
}
