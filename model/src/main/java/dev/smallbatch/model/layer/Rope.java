package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * Rotary positions: pair i of a head of size D turns by {@code position * 10000^(-2i/D)}. The tables of cosines and sines
 * are constants, computed in double and shared by all blocks.
 */
public final class Rope {
    private static final double BASE = 10_000;

    private final Tensor cos;
    private final Tensor sin;

    /**
     * @param factory provides memory for the tables, (seqLen, headSize / 2) each
     * @param seqLen number of positions
     * @param headSize D, even
     */
    public Rope(ParameterFactory factory, int seqLen, int headSize) {
        Shape shape = Shape.of(seqLen, headSize / 2);
        cos = factory.constant(shape);
        sin = factory.constant(shape);
        if (!cos.isPlanned()) {
            fill(seqLen, headSize / 2);
        }
    }

    private void fill(int seqLen, int half) {
        float[] cosines = new float[half];
        float[] sines = new float[half];
        for (int position = 0; position < seqLen; position++) {
            for (int i = 0; i < half; i++) {
                double angle = position * Math.pow(BASE, -(double) i / half);
                cosines[i] = (float) Math.cos(angle);
                sines[i] = (float) Math.sin(angle);
            }
            cos.rows(position, position + 1).copyFrom(cosines);
            sin.rows(position, position + 1).copyFrom(sines);
        }
    }

    /**
     * Turns queries and keys of {@code spec.time()} tokens, the first of which stands at position {@code start}.
     *
     * @param normalize whether they are RMS-normalized first
     */
    public Var forward(Ops ops, Var qkv, AttentionSpec spec, int start, boolean normalize) {
        Tensor cosines = cos.rows(start, start + spec.time());
        Tensor sines = sin.rows(start, start + spec.time());
        return normalize ? ops.qkNormRope(qkv, cosines, sines, spec, Norm.RMS_EPSILON)
                : ops.rope(qkv, cosines, sines, spec);
    }
}
