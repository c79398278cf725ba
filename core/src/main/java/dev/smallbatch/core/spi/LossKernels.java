package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Losses, fused with their gradient. */
public interface LossKernels {
    /**
     * Softmax cross entropy: {@code losses[n] = log(sum over j < V of exp(logits[n, j])) - logits[n, targets[n]]} and
     * {@code dlogits[n, j] = scale * (softmax(logits[n])[j] - [j = targets[n]])}.
     *
     * <pre>
     * losses   (N)        written; 0 where the target is -1
     * dlogits  (N, Vp)    written; may be logits; null means the loss alone; 0 in rows whose target is -1 and in
     *                     columns V to Vp - 1
     * logits   (N, Vp)    read; columns V to Vp - 1 take no part
     * targets  (N) I32    read; in [0, V), or -1 to ignore the row
     * </pre>
     *
     * Shapes may have more axes: rows() and cols() count. The maximum is subtracted before the exponential.
     *
     * @param vocabulary V, at least 1 and at most Vp
     * @param scale factor of the gradient, usually 1 / (number of targets that are not -1); losses are not scaled
     * @throws IllegalArgumentException if a target is outside [-1, V); the message names row, target and V
     */
    void crossEntropy(Tensor losses, Tensor dlogits, Tensor logits, Tensor targets, int vocabulary, float scale);

    /**
     * Puts labels that the model itself draws in the place of the targets in a gradient of {@link #crossEntropy}, of which row n
     * holds the probabilities {@code q[j] = dlogits[n, j] + scale [j = targets[n]]}, times scale and in float. The label is
     * the first j < V with {@code q[0] + ... + q[j] > u (q[0] + ... + q[V - 1])}, summed in double from the first, where
     * {@code u = Philox.word(key, first + n) / 2^32}: {@code dlogits[n, j] = q[j] - scale [j = label]}. A row that is not finite
     * stays as it is.
     *
     * <pre>
     * dlogits  (N, Vp)    accumulated
     * targets  (N) I32    read; those of the gradient; rows with -1 stay as they are
     * </pre>
     *
     * @param vocabulary V, at least 1 and at most Vp
     * @param scale of the gradient
     * @param first number of row 0 among the rows that share a key
     */
    void drawTargets(Tensor dlogits, Tensor targets, int vocabulary, float scale, long key, long first);
}
