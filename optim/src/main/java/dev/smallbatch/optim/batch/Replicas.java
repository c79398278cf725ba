package dev.smallbatch.optim.batch;

/**
 * Copies of a model that train together and exchange gradients: the one case in which accumulating gradients may pay. It makes
 * a larger batch of smaller ones, which learns no more from the same tokens and keeps gradients the size of the model; what it
 * saves is exchanges. So it is justified only while the link between the replicas, and not their arithmetic, limits them.
 *
 * @param count replicas, each on a device of its own
 * @param secondsPerMicroBatch forward and backward of one micro-batch
 * @param secondsPerExchange of all gradients over the link, which goes on while the replicas compute
 * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025, section 5</a>
 */
public record Replicas(int count, double secondsPerMicroBatch, double secondsPerExchange) {
    public Replicas {
        if (count < 1 || !(secondsPerMicroBatch > 0) || !(secondsPerExchange >= 0) || Double.isInfinite(secondsPerExchange)) {
            throw new IllegalArgumentException("replicas: " + count + " with " + secondsPerMicroBatch + " s for a micro-batch"
                    + " and " + secondsPerExchange + " s for an exchange; at least one, with positive times");
        }
    }

    /** True if there are several and their link is the bottleneck. */
    public boolean justifyAccumulation() {
        return microBatches() > 1;
    }

    /** The fewest micro-batches per update with which computing takes as long as the exchange: 1 for a single replica. */
    public int microBatches() {
        return count == 1 ? 1 : Math.max(1, Math.toIntExact((long) Math.ceil(secondsPerExchange / secondsPerMicroBatch)));
    }
}
