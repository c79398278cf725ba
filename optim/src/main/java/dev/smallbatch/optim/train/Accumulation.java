package dev.smallbatch.optim.train;

/**
 * How an update is made of several micro-batches, each of which goes through the model alone. The gradients of the parts are
 * averaged in F32, in the parts' order: each is scaled to its share before it is added, so that the sum is the mean. With
 * equally many targets in each part both weightings are the update of the whole batch.
 *
 * <p>It inherits the large batch's loss and adds gradients the size of the model, so it pays only where several devices exchange
 * gradients and their link is the bottleneck.
 *
 * @param microBatches equal parts of a batch, 1 for none of this
 * @param weighting what counts equally
 * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025, section 5</a>
 */
public record Accumulation(int microBatches, Weighting weighting) {
    /** What counts equally in the mean of an update. */
    public enum Weighting {
        /** Every target of the whole batch: the gradient is that of the mean loss over all of them. */
        TOKEN,
        /** Every micro-batch: the gradient is the mean of the gradients of their mean losses, however many targets each has. */
        MICROBATCH
    }

    public Accumulation {
        if (microBatches < 1) {
            throw new IllegalArgumentException("accumulation: " + microBatches + " micro-batches; at least 1");
        }
    }

    /** Every batch in one piece. */
    public static Accumulation none() {
        return new Accumulation(1, Weighting.TOKEN);
    }

    /**
     * What the sum of a part's losses is divided by, so that the sum over all parts is the mean.
     *
     * @throws IllegalArgumentException if the part has no target and therefore no mean
     */
    long divisor(Batch part) {
        if (weighting == Weighting.TOKEN) {
            return part.targetCount();
        }
        if (part.ownTargetCount() == 0) {
            throw new IllegalArgumentException("accumulation: a micro-batch of " + part.batchSize()
                    + " sequences has no target, so there is no mean to weigh; weigh by token");
        }
        return microBatches * part.ownTargetCount();
    }
}
