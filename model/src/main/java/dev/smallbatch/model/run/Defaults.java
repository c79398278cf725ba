package dev.smallbatch.model.run;

import dev.smallbatch.model.gpt.GptConfig;

/**
 * What a run does where nothing else was asked for. Pure functions of sizes, so that the same command does the same
 * everywhere.
 */
final class Defaults {
    static final String PRESET = "small";
    static final int BATCH_SIZE = 1;
    static final double BETA1 = 0.9;
    static final double WARMUP_FRACTION = 0.05;
    static final double SGD_LR = 0.2;

    /** Below this much text a learned vocabulary has seen its words too seldom. */
    private static final long BYTES_FOR_BPE = 200_000;
    private static final int TOKENS_PER_PARAMETER = 20;
    /** Small texts are learned by heart after some rounds. */
    private static final int EPOCHS = 4;
    private static final double HALF_LIFE_SHARE = 1.0 / 50;
    private static final long LARGE_BUDGET = 500_000_000;
    private static final double LARGE_HALF_LIFE = 10e6;
    private static final double LR_AT_DIM_256 = 2e-3;
    /** The best learning rate grows about threefold while the batch grows a thousandfold. */
    private static final double LR_BATCH_EXPONENT = 0.16;
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
        return Math.min(TOKENS_PER_PARAMETER * model.activeParameterCount(), EPOCHS * trainingTokens);
    }

    /** For AdamW 0.002 at a width of 256, less for wider models, a little more for larger batches; two digits. */
    static double lr(OptimizerKind optimizer, int dim, int batchSize) {
        if (optimizer == OptimizerKind.SGD) {
            return SGD_LR;
        }
        double lr = LR_AT_DIM_256 * Math.sqrt(256.0 / dim) * Math.pow(batchSize, LR_BATCH_EXPONENT);
        double digit = Math.pow(10, Math.floor(Math.log10(lr)) - 1);
        return Math.round(lr / digit) * digit;
    }

    /** A fiftieth of the run; 10 million tokens for runs of half a billion and more. */
    static double beta2HalfLife(long tokens) {
        return tokens >= LARGE_BUDGET ? LARGE_HALF_LIFE : tokens * HALF_LIFE_SHARE;
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
