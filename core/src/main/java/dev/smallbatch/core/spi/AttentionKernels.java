package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Rotary embedding and causal attention on the packed tensor of {@link AttentionSpec}. */
public interface AttentionKernels {
    /**
     * Rotary position embedding of query and key heads, half-split layout: element i of a head is paired with element
     * {@code i + D/2}, {@code (a, b) -> (a cos - b sin, b cos + a sin)}. Values are copied.
     *
     * <pre>
     * out  (B, T, (heads + 2 kvHeads) D)  written; may be x
     * x    (B, T, (heads + 2 kvHeads) D)  read
     * cos  (T, D/2)                       read; row t belongs to time t
     * sin  (T, D/2)                       read
     * </pre>
     *
     * @param inverse rotates by the negative angle, which is the gradient: {@code dx = rope(dout, inverse)}
     * @see <a href="https://arxiv.org/abs/2104.09864">Su et al. 2021, eq. 34</a>
     */
    void rope(Tensor out, Tensor x, Tensor cos, Tensor sin, AttentionSpec spec, boolean inverse);

    /**
     * Causal attention: {@code out_t = sum over s <= t of softmax_s(scale q_t . k_s) v_s} for every head.
     *
     * <pre>
     * out  (B, T, heads D)                written
     * lse  (B, heads, T)                  written; log of the sum over s of exp(scale q_t . k_s), kept for backward
     * qkv  (B, T, (heads + 2 kvHeads) D)  read
     * </pre>
     *
     * The (T, T) matrix is never stored.
     *
     * @see <a href="https://arxiv.org/abs/2205.14135">Dao et al. 2022, algorithm 1</a>
     */
    void attention(Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec);

    /**
     * Gradient of {@link #attention}; probabilities are recomputed from lse.
     *
     * <pre>
     * dqkv  as qkv   written
     * dout  as out   read
     * out   (B, T, heads D)  read
     * lse   (B, heads, T)    read
     * qkv   (B, T, (heads + 2 kvHeads) D)  read
     * </pre>
     *
     * @see <a href="https://arxiv.org/abs/2205.14135">Dao et al. 2022, algorithm 4</a>
     */
    void attentionBackward(Tensor dqkv, Tensor dout, Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec);

    /**
     * Attention of one new position per sequence against a cache, for generation.
     *
     * <pre>
     * out     (B, heads D)                written
     * qkv     (B, (heads + 2 kvHeads) D)  read; only its query columns
     * keys    (B, capacity, kvHeads D)    read; rows 0 to length - 1
     * values  (B, capacity, kvHeads D)    read; rows 0 to length - 1
     * </pre>
     *
     * @param length number of cached positions to attend to, the new one included; at least 1, at most capacity
     * @param spec of the new position: time is 1
     */
    void attentionDecode(Tensor out, Tensor qkv, Tensor keys, Tensor values, int length, AttentionSpec spec);
}
