package dev.smallbatch.optim.batch;

import java.util.List;
import java.util.stream.DoubleStream;

/**
 * Decides the size of the next batch from the noise of this one: where the {@link BatchTest} fails, the batch grows to the size
 * that would have passed, in whole micro-batches. It never shrinks; once it has its largest size, nothing is tested any more.
 * One thread.
 */
public final class BatchController {
    /** Of the gradients of all samples together; what needs more is no small model. */
    private static final long MOST_BYTES = 256L << 20;

    private final Settings settings;
    private int batchSize;
    private BatchTest.Conditions smoothed;

    /**
     * How a batch grows, in samples: for language models sequences.
     *
     * @param test what a batch must pass
     * @param microBatch samples that go through the model at once; every size is a multiple of it
     * @param initial first size, at least two micro-batches, since one has no variance
     * @param max largest size
     * @param interval steps from test to test
     * @param growthLimit factor by which one test lets the batch grow at most; infinite for no limit
     * @param unbiased whether {@code V / b} is taken off {@code |g|^2}; without that small batches look better than they are
     * @param smoothing part of the old conditions in their moving averages, in [0, 1); 0 believes the newest batch alone
     */
    public record Settings(BatchTest test, int microBatch, int initial, int max, long interval, double growthLimit,
            boolean unbiased, double smoothing) {
        public Settings {
            if (microBatch < 1 || initial < 2 * microBatch || max < initial || initial % microBatch != 0
                    || max % microBatch != 0) {
                throw new IllegalArgumentException("adaptive batch: from " + initial + " to " + max
                        + " samples in micro-batches of " + microBatch
                        + "; multiples of a micro-batch, the first at least two of them, the last no less");
            }
            if (test.needsSamples() && microBatch > 1) {
                throw new IllegalArgumentException("adaptive batch: " + test + " needs the gradient of every sample, and "
                        + microBatch + " go through the model at once; make it 1, or use the norm test");
            }
            if (interval < 1 || !(growthLimit > 1) || !(smoothing >= 0 && smoothing < 1)) {
                throw new IllegalArgumentException("adaptive batch: a test every " + interval + " steps, growth by at most "
                        + growthLimit + ", smoothing " + smoothing + "; at least 1, above 1, at least 0 and below 1");
            }
        }

        /** Tested in every step, growing at most twofold, as measured. */
        public Settings(BatchTest test, int microBatch, int initial, int max) {
            this(test, microBatch, initial, max, 1, 2, false, 0);
        }

        /**
         * Checks that the gradients of all samples, if the test needs them, are not too much to keep.
         *
         * @param numbers of a gradient
         * @throws IllegalArgumentException if they take more than 256 MiB
         */
        public void requireSmall(long numbers) {
            double bytes = (double) Float.BYTES * numbers * max;
            if (test.needsSamples() && bytes > MOST_BYTES) {
                throw new IllegalArgumentException(String.format("adaptive batch: %s needs the gradient of every sample, and %d"
                        + " of %d numbers take %.0f MiB, more than %d; use the norm test, which needs one number of each"
                        + " micro-batch, or a smaller largest batch", test, max, numbers, bytes / (1 << 20), MOST_BYTES >> 20));
            }
        }
    }

    /**
     * What a checkpoint keeps.
     *
     * @param batchSize of the next step
     * @param noise moving averages; empty before the first test
     * @param signal equally long
     */
    public record State(int batchSize, List<Double> noise, List<Double> signal) {}

    /** At the initial size. */
    public BatchController(Settings settings) {
        this.settings = settings;
        this.batchSize = settings.initial;
    }

    /** What was asked for. */
    public Settings settings() {
        return settings;
    }

    /** Samples of the next step. */
    public int batchSize() {
        return batchSize;
    }

    /** Micro-batches of the next step. */
    public int microBatches() {
        return batchSize / settings.microBatch;
    }

    /** Whether the gradient noise of a step is wanted; {@code step} counts the updates before it. */
    public boolean isDue(long step) {
        return batchSize < settings.max && (step + 1) % settings.interval == 0;
    }

    /** Tests a batch; one whose noise is not finite says nothing. */
    public void observe(GradientNoise noise) {
        BatchTest.Conditions conditions = settings.test.conditions(noise, settings.unbiased);
        if (!conditions.isFinite()) {
            return;
        }
        smoothed = smoothed == null ? conditions : smoothed.mixed(settings.smoothing, conditions);
        double wanted = smoothed.batchSize(settings.test.quantile());
        if (wanted > batchSize) {
            double limited = Math.min(Math.min(wanted, settings.growthLimit * batchSize), settings.max);
            batchSize = (int) Math.ceil(limited / settings.microBatch) * settings.microBatch;
        }
    }

    /** What has changed since the beginning. */
    public State state() {
        return smoothed == null ? new State(batchSize, List.of(), List.of())
                : new State(batchSize, boxed(smoothed.noise()), boxed(smoothed.signal()));
    }

    /** Goes on from there. */
    public void restore(State state) {
        batchSize = state.batchSize;
        smoothed = state.noise.isEmpty() ? null
                : new BatchTest.Conditions(unboxed(state.noise), unboxed(state.signal));
    }

    private static List<Double> boxed(double[] values) {
        return DoubleStream.of(values).boxed().toList();
    }

    private static double[] unboxed(List<Double> values) {
        return values.stream().mapToDouble(value -> value).toArray();
    }
}
