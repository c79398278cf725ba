package dev.smallbatch.model.run;

import dev.smallbatch.core.tensor.DType;
import java.util.function.Predicate;

/** Refuses {@link TrainingOptions} that contradict each other or are out of range. */
final class OptionChecks {
    private final TrainingOptions options;

    OptionChecks(TrainingOptions options) {
        this.options = options;
    }

    void check() {
        if (options.data.isEmpty() && !options.resume) {
            throw new UsageException("train: there is no text to learn from; give --data with files, directories or archives");
        }
        if (options.beta2 != null && options.beta2HalfLife != null) {
            throw new UsageException("train: --beta2 " + options.beta2 + " and --beta2-half-life " + options.beta2HalfLife
                    + " say the same thing twice; give one of them");
        }
        if ((options.tokens == null ? 0 : 1) + (options.steps == null ? 0 : 1) + (options.seconds == null ? 0 : 1) > 1) {
            throw new UsageException("train: give one of --tokens, --steps and --seconds, not several");
        }
        if (options.dtype != null && options.dtype != DType.F32 && options.dtype != DType.BF16) {
            throw new UsageException("train: --dtype " + RunConfigJson.lowerCase(options.dtype) + "; weights are f32 or bf16");
        }
        boolean keepsDType = options.resume && options.dtype == null;
        if (options.rounding != null && options.dtype != DType.BF16 && !keepsDType) {
            throw new UsageException("train: --rounding is for --dtype bf16; f32 weights are not rounded");
        }
        checkOptimizer();
        if (options.vocabularySize != null && options.tokenizer != null && !options.tokenizer.equals("bpe")) {
            throw new UsageException("train: --vocab-size is for --tokenizer bpe; the vocabulary of " + options.tokenizer
                    + " has its own size");
        }
        positive(options.growth != null ? "--batch-initial" : "--batch-size", options.batchSize);
        checkGrowth();
        checkAccumulation();
        positive("--tokens", options.tokens);
        positive("--steps", options.steps);
        positive("--seconds", options.seconds);
        positive("--lr", options.lr);
        positive("--clip-norm", options.clipNorm);
        TrainingOptions.requireComputing(options.backend, options.threads);
        range("--beta1", options.beta1, 0, 1);
        range("--beta2", options.beta2, 0, 1);
        range("--warmup-frac", options.warmupFraction, 0, 1);
        range("--beta2-half-life", options.beta2HalfLife, 0, Double.MAX_VALUE);
        range("--weight-decay", options.weightDecay, 0, Double.MAX_VALUE);
        range("--eval-every", options.evalEvery, 0, Double.MAX_VALUE);
        range("--checkpoint-every", options.checkpointEvery, 0, Double.MAX_VALUE);
    }

    private void checkOptimizer() {
        belongs("--beta1", options.beta1, OptimizerKind::hasBeta1);
        belongs("--beta2", options.beta2, OptimizerKind::hasBeta2);
        belongs("--beta2-half-life", options.beta2HalfLife, OptimizerKind::hasBeta2);
        if (options.optimizer != null || !options.resume) {
            chosen().settings(options.settings, options.beta2 != null || options.beta2HalfLife != null);
        }
        if (chosen().averages() && options.schedule != null && options.schedule != ScheduleKind.CONSTANT) {
            throw new UsageException("train: --schedule " + RunConfigJson.lowerCase(options.schedule) + " with --optimizer "
                    + chosen().option() + "; its average over all steps takes the place of a rate that falls, and steps at a low"
                    + " rate would hardly count in it. Leave --schedule out");
        }
        if (options.optimizer != null && options.optimizer.needsMomentum() && options.beta1 != null && options.beta1 == 0) {
            throw new UsageException("train: --beta1 0 with --optimizer " + options.optimizer.option()
                    + "; without momentum it is --optimizer sgd");
        }
    }

    private OptimizerKind chosen() {
        return options.optimizer == null ? OptimizerKind.ADAMW : options.optimizer;
    }

    private void belongs(String option, Double value, Predicate<OptimizerKind> to) {
        if (value != null && !to.test(chosen()) && !(options.resume && options.optimizer == null)) {
            throw new UsageException("train: " + option + " belongs to --optimizer " + OptimizerKind.names(to) + "; "
                    + chosen().option() + " has none");
        }
    }

    private void checkGrowth() {
        if (options.growth == null) {
            return;
        }
        if (options.steps != null || options.seconds != null) {
            throw new UsageException("train: " + (options.steps != null ? "--steps" : "--seconds")
                    + " with --batch-size adaptive: how many updates there will be is not known beforehand; give the"
                    + " length as --tokens");
        }
        if (options.accumulate != null || options.accumulateBy != null) {
            throw new UsageException("train: --accumulate and --accumulate-by are for batches of one size; with --batch-size"
                    + " adaptive every sequence is a micro-batch, which keeps memory as it is. Leave them out");
        }
        options.growth.check(options.batchSize, 0, options.optimizer);
    }

    private void checkAccumulation() {
        positive("--accumulate", options.accumulate);
        int parts = options.accumulate == null ? 1 : options.accumulate;
        int sequences = options.batchSize == null ? Defaults.BATCH_SIZE : options.batchSize;
        if (sequences % parts != 0 && !options.resume) {
            throw new UsageException("train: --accumulate " + parts + " divides every batch into equal parts, and --batch-size"
                    + " is " + sequences + "; choose a multiple");
        }
        if (options.accumulateBy != null && parts == 1 && !options.resume) {
            throw new UsageException("train: --accumulate-by is for --accumulate 2 or more; without it nothing is weighed");
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
