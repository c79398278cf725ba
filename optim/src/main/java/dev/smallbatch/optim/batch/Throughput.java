package dev.smallbatch.optim.batch;

import java.util.Collection;
import java.util.Comparator;

/**
 * How fast a machine trains at a batch size. Which batch to choose follows from it: the smallest that keeps the machine busy,
 * since a larger one learns no more from a token. On one device that takes some hundreds to some thousands of tokens.
 *
 * @param batchSize sequences per update
 * @param tokensPerSecond measured over whole steps, update included
 * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025, section 5 and appendix A.4</a>
 */
public record Throughput(int batchSize, double tokensPerSecond) {
    /** Part of the best throughput that is as good as the best; not from the paper. */
    public static final double ENOUGH = 0.95;

    public Throughput {
        if (batchSize < 1 || !(tokensPerSecond > 0) || Double.isInfinite(tokensPerSecond)) {
            throw new IllegalArgumentException("throughput: " + tokensPerSecond + " tokens/s at batch size " + batchSize
                    + "; a positive number at 1 or more");
        }
    }

    /** The smallest batch that reaches 95 % of the best throughput, see {@link #ENOUGH}. */
    public static Throughput smallestFast(Collection<Throughput> measured) {
        return smallestFast(measured, ENOUGH);
    }

    /**
     * The smallest batch that reaches a share of the best throughput.
     *
     * @param measured at several batch sizes, in any order
     * @param share above 0 up to 1
     */
    public static Throughput smallestFast(Collection<Throughput> measured, double share) {
        if (!(share > 0 && share <= 1)) {
            throw new IllegalArgumentException("throughput: " + share + " of the best; above 0, at most 1");
        }
        return measured.stream().filter(t -> t.tokensPerSecond >= share * best(measured))
                .min(Comparator.comparingInt(Throughput::batchSize))
                .orElseThrow(() -> new IllegalArgumentException("throughput: nothing was measured"));
    }

    /** The highest throughput of all, 0 if there is none. */
    public static double best(Collection<Throughput> measured) {
        return measured.stream().mapToDouble(Throughput::tokensPerSecond).max().orElse(0);
    }
}
