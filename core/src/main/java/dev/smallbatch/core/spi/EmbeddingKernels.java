package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Table look-ups. */
public interface EmbeddingKernels {
    /**
     * {@code out[b, t] = table[tokens[b, t]] + positions[t]}.
     *
     * <pre>
     * out        (B, T, C)     written
     * tokens     (B, T) I32    read; every id in [0, V)
     * table      (V, C)        read; F32 or BF16
     * positions  (>= T, C)     read; F32 or BF16; null means none
     * </pre>
     *
     * @throws IllegalArgumentException if a token lies outside the table; the message names position, id and V
     */
    void embed(Tensor out, Tensor tokens, Tensor table, Tensor positions);

    /**
     * {@code dtable[tokens[b, t]] += dout[b, t]}, {@code dpositions[t] += sum over b of dout[b, t]}.
     *
     * <pre>
     * dtable      (V, C)      accumulated, in ascending order of (b, t)
     * dpositions  (>= T, C)   accumulated, in ascending order of b; null means none
     * dout        (B, T, C)   read
     * tokens      (B, T) I32  read
     * </pre>
     *
     * @throws IllegalArgumentException if a token lies outside the table
     */
    void embedBackward(Tensor dtable, Tensor dpositions, Tensor dout, Tensor tokens);
}
