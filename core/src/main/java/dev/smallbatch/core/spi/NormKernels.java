package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Normalizations over the last axis. */
public interface NormKernels {
    /**
     * Layer normalization: {@code out = (x - mean) * rstd * weight + bias}.
     *
     * <pre>
     * out     (N, C)  written
     * mean    (N)     written; mean of each row
     * rstd    (N)     written; 1 / sqrt(mean((x - mean)^2) + eps), kept for backward
     * x       (N, C)  read
     * weight  (C)     read
     * bias    (C)     read
     * </pre>
     *
     * @see <a href="https://arxiv.org/abs/1607.06450">Ba, Kiros and Hinton 2016, eq. 4</a>
     */
    void layerNorm(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps);

    /**
     * Gradient of {@link #layerNorm}. With {@code h = (x - mean) * rstd} and {@code g = dout * weight}:
     * {@code dx += rstd * (g - mean_c(g) - h * mean_c(g * h))}, {@code dweight += sum_n dout * h},
     * {@code dbias += sum_n dout}.
     *
     * <pre>
     * dx       (N, C)  accumulated (the residual stream already holds a gradient)
     * dweight  (C)     accumulated, rows in ascending order
     * dbias    (C)     accumulated, rows in ascending order
     * dout     (N, C)  read
     * x        (N, C)  read
     * weight   (C)     read
     * mean     (N)     read
     * rstd     (N)     read
     * </pre>
     */
    void layerNormBackward(Tensor dx, Tensor dweight, Tensor dbias, Tensor dout, Tensor x, Tensor weight, Tensor mean,
            Tensor rstd);

    /**
     * Root-mean-square normalization: {@code out = x * rstd * weight}.
     *
     * <pre>
     * out     (N, C)  written
     * rstd    (N)     written; 1 / sqrt(mean(x^2) + eps), kept for backward
     * x       (N, C)  read
     * weight  (C)     read; null means all ones
     * </pre>
     *
     * @see <a href="https://arxiv.org/abs/1910.07467">Zhang and Sennrich 2019, eq. 4; eps is added inside the root</a>
     */
    void rmsNorm(Tensor out, Tensor rstd, Tensor x, Tensor weight, float eps);

    /**
     * Gradient of {@link #rmsNorm}. With {@code h = x * rstd} and {@code g = dout * weight}:
     * {@code dx += rstd * (g - h * mean_c(g * h))}, {@code dweight += sum_n dout * h}.
     *
     * <pre>
     * dx       (N, C)  accumulated (the residual stream already holds a gradient)
     * dweight  (C)     accumulated, rows in ascending order; null exactly if weight is
     * dout     (N, C)  read
     * x        (N, C)  read
     * weight   (C)     read; null means all ones
     * rstd     (N)     read
     * </pre>
     */
    void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dout, Tensor x, Tensor weight, Tensor rstd);

    /**
     * QK-norm: root-mean-square normalization of every query and key head by itself, without weights; values are copied.
     * For each head slice {@code s} of D elements in the query and key columns {@code out_s = x_s / sqrt(mean(x_s^2) + eps)}.
     *
     * <pre>
     * out   (B, T, (heads + 2 kvHeads) D)  written; may be x
     * rstd  (B, T, heads + kvHeads)        written; query heads first, kept for backward
     * x     (B, T, (heads + 2 kvHeads) D)  read; layout of {@link AttentionSpec}
     * </pre>
     *
     * @see <a href="https://arxiv.org/abs/2010.04245">Henry et al. 2020</a>, with RMSNorm in place of the l2 norm
     */
    void qkNorm(Tensor out, Tensor rstd, Tensor x, AttentionSpec spec, float eps);

    /**
     * Gradient of {@link #qkNorm}, whose result h is read in place of its input: {@code dx_s = rstd * (dout_s - h_s *
     * mean(dout_s * h_s))}; value columns are copied.
     *
     * <pre>
     * dx    as h     written; may be dout
     * dout  as h     read
     * h     (B, T, (heads + 2 kvHeads) D)  read; layout of {@link AttentionSpec}
     * rstd  (B, T, heads + kvHeads)  read
     * </pre>
     */
    void qkNormBackward(Tensor dx, Tensor dout, Tensor h, Tensor rstd, AttentionSpec spec);
}
