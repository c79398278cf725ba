package dev.smallbatch.model.cli;

import dev.smallbatch.model.run.RunConfig;
import dev.smallbatch.model.run.TrainingOptions;
import dev.smallbatch.model.run.UsageException;
import java.util.Objects;
import picocli.CommandLine.Option;

/** How many sequences make an update, and how they become more: options that several commands share. */
final class BatchOptions {
    @Option(names = "--batch-size", paramLabel = "N",
            description = "Sequences per update (default: train 1, plan recommends); adaptive: more and more of them, as their"
                    + " noise demands. They go through the model one by one, so that memory stays what it is.")
    private Size size;

    @Option(names = "--batch-initial", paramLabel = "N", description = "First size of adaptive batches, at least 2 (default: 2).")
    private Integer initial;

    @Option(names = "--batch-max", paramLabel = "N", description = "Largest size of adaptive batches (default: 64).")
    private Integer max;

    @Option(names = "--batch-test", paramLabel = "TEST",
            description = "What adaptive batches must pass in order not to grow; larger numbers mean smaller batches. norm:eta=1"
                    + " (default): the noise of the gradient is no longer than eta times the gradient. inner-product:theta=0.5:"
                    + " most sequences agree on the direction. augmented:theta=0.5,nu=1: that, and what is at right angles is"
                    + " small. coordinate-wise:eta=1,quantile=0.5: norm for a part of all coordinates. All but norm keep every"
                    + " sequence's gradient, 256 MiB at most: for small models.")
    private String test;

    @Option(names = "--batch-interval", paramLabel = "N", description = "Updates from one test to the next (default: 1).")
    private Long interval;

    @Option(names = "--lr-scaling", paramLabel = "NAME",
            description = "How the learning rate follows adaptive batches from its value at the first size: none, observed"
                    + " (default; batch^0.158, as Adam's in large models), sqrt (better in small ones), linear, or"
                    + " spiked=B: linear up to about B sequences, beyond which the loss gets no flatter; see 'experiment"
                    + " spectrum'.")
    private String lrScaling;

    /**
     * What {@code --batch-size} may say.
     *
     * @param sequences null for adaptive
     */
    record Size(Integer sequences) {
        static Size of(String text) {
            return new Size(text.strip().equalsIgnoreCase("adaptive") ? null : (Integer) Quantity.small(text));
        }
    }

    /** A number that is given; null for adaptive, or for none. */
    Integer sequences() {
        return size == null ? null : size.sequences;
    }

    /** The first size of batches that grow; of others the size, 1 if none is given. */
    int first() {
        return growing() ? RunConfig.Growth.first(initial) : Objects.requireNonNullElse(sequences(), 1);
    }

    private boolean growing() {
        return size != null && size.sequences == null;
    }

    /**
     * How batches grow; null if they do not.
     *
     * @throws UsageException if that is said of batches that do not grow
     */
    RunConfig.Growth growth() {
        if (growing()) {
            return new RunConfig.Growth(test, interval, max, lrScaling);
        }
        if (initial != null || max != null || test != null || interval != null || lrScaling != null) {
            throw new UsageException("--batch-initial, --batch-max, --batch-test, --batch-interval and --lr-scaling belong to"
                    + " --batch-size adaptive; a batch of one size has its own --lr");
        }
        return null;
    }

    TrainingOptions into(TrainingOptions options) {
        return options.adaptiveBatch(growing() ? initial : sequences(), growth());
    }
}
