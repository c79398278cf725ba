package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;

/**
 * Sizes of a causal attention, and the layout of the packed tensor {@code qkv (B, T, (heads + 2 kvHeads) D)}: in each
 * row first the query heads, then the key heads, then the value heads, each of {@code headSize} consecutive columns.
 * Query head {@code h} reads key and value head {@code h / (heads / kvHeads)}.
 *
 * @param batch B, at least 1
 * @param time T, at least 1
 * @param heads number of query heads
 * @param kvHeads number of key and value heads; divides heads
 * @param headSize D; even, so that rotary embedding can pair its halves
 */
public record AttentionSpec(int batch, int time, int heads, int kvHeads, int headSize) {
    public AttentionSpec {
        if (batch < 1 || time < 1 || heads < 1 || kvHeads < 1 || headSize < 1) {
            throw new ShapeException("attention: every size must be at least 1: B " + batch + ", T " + time + ", heads "
                    + heads + ", kvHeads " + kvHeads + ", headSize " + headSize);
        }
        if (heads % kvHeads != 0) {
            throw new ShapeException("attention: " + heads + " heads cannot share " + kvHeads + " key-value heads;"
                    + " kvHeads must divide heads");
        }
        if (headSize % 2 != 0) {
            throw new ShapeException("attention: head size " + headSize + " is odd; it must be even");
        }
    }

    /** Columns of the packed tensor: {@code (heads + 2 kvHeads) D}. */
    public int qkvCols() {
        return (heads + 2 * kvHeads) * headSize;
    }

    /** Columns of the attention's output: {@code heads D}. */
    public int outCols() {
        return heads * headSize;
    }

    /** First column of the keys in the packed tensor. */
    public int keyCol() {
        return heads * headSize;
    }

    /** First column of the values in the packed tensor. */
    public int valueCol() {
        return (heads + kvHeads) * headSize;
    }

    /** Query heads per key-value head. */
    public int group() {
        return heads / kvHeads;
    }

    /** Factor of the attention logits: {@code 1 / sqrt(D)}. */
    public float scale() {
        return (float) (1 / Math.sqrt(headSize));
    }

    public Shape qkvShape() {
        return Shape.of(batch, time, qkvCols());
    }

    public Shape outShape() {
        return Shape.of(batch, time, outCols());
    }

    /** Shape of the saved log-sum-exp: (B, heads, T). */
    public Shape lseShape() {
        return Shape.of(batch, heads, time);
    }
}
