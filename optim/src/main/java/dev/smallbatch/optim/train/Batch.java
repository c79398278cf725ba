package dev.smallbatch.optim.train;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** The sequences of one step, in memory that every step writes anew; a region owns it. */
public final class Batch {
    private final Tensor tokens;
    private final Tensor targets;
    private final int[] tokenIds;
    private final int[] targetIds;
    private long targetCount;
    private long ownTargetCount;

    private Batch(Tensor tokens, Tensor targets, int[] tokenIds, int[] targetIds) {
        this.tokens = tokens;
        this.targets = targets;
        this.tokenIds = tokenIds;
        this.targetIds = targetIds;
    }

    /**
     * A batch to be filled.
     *
     * @param data with room for {@link #bytes}
     * @param batchSize sequences per step, micro-batches together
     * @param sequenceLength tokens of each
     */
    public static Batch allocate(Region data, int batchSize, int sequenceLength) {
        if (batchSize < 1 || sequenceLength < 1) {
            throw new IllegalArgumentException("batch: " + batchSize + " sequences of " + sequenceLength
                    + " tokens; at least 1 of 1");
        }
        Shape shape = Shape.of(batchSize, sequenceLength);
        int size = Math.toIntExact(shape.numel());
        return new Batch(data.allocate(DType.I32, shape), data.allocate(DType.I32, shape), new int[size], new int[size]);
    }

    /** Bytes of region that {@link #allocate} takes. */
    public static long bytes(int batchSize, int sequenceLength) {
        return 2 * Region.bytesFor(DType.I32, Shape.of(batchSize, sequenceLength));
    }

    /**
     * Reads the sequences of a step.
     *
     * @throws IllegalArgumentException if there is no target among them
     */
    public void fill(BatchSource source, long step) {
        source.fill(step, tokenIds, targetIds);
        targetCount = count(targetIds, 0, targetIds.length);
        ownTargetCount = targetCount;
        if (targetCount == 0) {
            throw new IllegalArgumentException("batch of step " + step + ": every target is -1, so there is nothing to learn");
        }
        tokens.copyFrom(tokenIds);
        targets.copyFrom(targetIds);
    }

    private static long count(int[] targetIds, int from, int to) {
        long count = 0;
        for (int i = from; i < to; i++) {
            count += targetIds[i] >= 0 ? 1 : 0;
        }
        return count;
    }

    /** Token ids, (B, T) I32. */
    public Tensor tokens() {
        return tokens;
    }

    /** The id that follows each token or -1, (B, T) I32. */
    public Tensor targets() {
        return targets;
    }

    /** Sequences. */
    public int batchSize() {
        return (int) tokens.shape().dim(0);
    }

    /** Tokens, learned from or not. */
    public long tokenCount() {
        return tokens.numel();
    }

    /** Targets that are not -1 in the whole batch, of which this may be a part. */
    public long targetCount() {
        return targetCount;
    }

    /** Targets that are not -1 in this part alone. */
    public long ownTargetCount() {
        return ownTargetCount;
    }

    /**
     * One of {@code parts} micro-batches, as now filled, in the same memory.
     *
     * @throws IllegalArgumentException if the batch cannot be divided into equal parts
     */
    public Batch part(int index, int parts) {
        if (batchSize() % parts != 0) {
            throw new IllegalArgumentException("batch of " + batchSize() + " sequences cannot be divided into " + parts
                    + " equal micro-batches; choose a multiple");
        }
        int rows = batchSize() / parts;
        Batch part = new Batch(tokens.rows((long) index * rows, (index + 1L) * rows),
                targets.rows((long) index * rows, (index + 1L) * rows), null, null);
        part.targetCount = targetCount;
        int length = targetIds.length / parts;
        part.ownTargetCount = count(targetIds, index * length, (index + 1) * length);
        return part;
    }
}
