package dev.smallbatch.model.run;

import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.batch.LearningRateScaling;
import dev.smallbatch.optim.batch.RunLength;

/**
 * What a run does where nothing else was asked for. Pure functions of sizes, so that the same command does the same
 * everywhere.
 */
final class Defaults {
    static final String PRESET = "small";
    static final int BATCH_SIZE = 1;
    /** Of batches that grow. */
    static final int FIRST_BATCH = 2;
    static final int LARGEST_BATCH = 64;

    /** Below this much text a learned vocabulary has seen its words too seldom. */
    private static final long BYTES_FOR_BPE = 200_000;
    /** Small texts are learned by heart after some rounds. */
    private static final int EPOCHS = 4;
    private static final int EVALUATIONS = 10;
    /** Part of a run's tokens that one evaluation reads; forward costs a third of a step. */
    private static final double EVALUATION_SHARE = 0.03;
    private static final int CHECKPOINTS = 20;
    private static final long LONGEST_CHECKPOINT_INTERVAL = 1000;
    private static final int LOG_LINES = 500;

    private Defaults() {}

    static String tokenizer(long textBytes) {
        return textBytes < BYTES_FOR_BPE ? "byte" : "bpe";
    }

    /** A power of two from 512 up to 16,384: about one token for a kilobyte of text, and its root above a megabyte. */
    static int vocabularySize(long textBytes) {
        double megabytes = textBytes / 1e6;
        double wanted = 1024 * (megabytes < 1 ? megabytes : Math.sqrt(megabytes));
        int size = 512;
        while (size < 16_384 && size * Math.sqrt(2) < wanted) {
            size *= 2;
        }
        return size;
    }

    /** 20 tokens for each parameter that works on every token, but the text at most four times. */
    static long tokens(GptConfig model, long trainingTokens) {
        return Math.min(RunLength.tokens(model.activeParameterCount()), EPOCHS * trainingTokens);
    }

    /** For AdamW 0.002 at a width of 256, less for wider models, a little more for larger batches; two digits. SGD has one. */
    static double lr(OptimizerKind optimizer, int dim, int batchSize) {
        if (!optimizer.scalesWithWidth()) {
            return optimizer.lr();
        }
        double lr = LearningRateScaling.OBSERVED.scale(optimizer.lr() * Math.sqrt(256.0 / dim), 1, batchSize);
        double digit = Math.pow(10, Math.floor(Math.log10(lr)) - 1);
        return Math.round(lr / digit) * digit;
    }

    static RunConfig.Intervals intervals(long steps, int batchSize, long validationSequences) {
        long sequences = Math.clamp((long) (steps * (double) batchSize * EVALUATION_SHARE), 1, validationSequences);
        return new RunConfig.Intervals(every(steps, LOG_LINES), every(steps, EVALUATIONS), sequences,
                Math.min(LONGEST_CHECKPOINT_INTERVAL, every(steps, CHECKPOINTS)));
    }

    private static long every(long steps, int times) {
        return Math.max(1, steps / times);
    }
}
