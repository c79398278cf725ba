package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Matrix products. Tensors are seen as {@code rows() x cols()} matrices, whatever their rank. */
public interface MatmulKernels {
    /**
     * General product: {@code out = alpha * op(a) * op(b) + beta * out}.
     *
     * <pre>
     * out  (M, N)                    written if beta is 0, accumulated if beta is 1
     * a    (M, K), or (K, M) if ta   read; F32 or BF16
     * b    (K, N), or (N, K) if tb   read; F32 or BF16
     * </pre>
     *
     * With beta 0 the old contents of out are not read, so NaN in them does no harm. Sums over K run in float (or
     * better) in an order fixed by the shapes. K may be 0: the product is then zero.
     *
     * @param alpha factor of the product
     * @param beta 0 or 1
     * @throws dev.smallbatch.core.tensor.ShapeException if M, N or K differ between arguments
     */
    void matmul(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, float beta);

    /**
     * The products of two stacks of I matrices each, which may be small: {@code out[i] = alpha * op(a[i]) * op(b[i]) + beta *
     * c[i]}.
     *
     * <pre>
     * out  (I, M, N)                       written
     * a    (I, M, K), or (I, K, M) if ta   read; F32 or BF16
     * b    (I, K, N), or (I, N, K) if tb   read; F32 or BF16
     * c    (I, M, N)                       read; may be null, for zeros
     * </pre>
     *
     * @param alpha factor of the products
     * @param beta factor of c
     * @throws dev.smallbatch.core.tensor.ShapeException if I, M, N or K differ between arguments
     */
    void matmulEach(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, Tensor c, float beta);

    /**
     * Affine map of rows: {@code out = x * weight^T + bias}.
     *
     * <pre>
     * out     (N, Cout)     written
     * x       (N, Cin)      read
     * weight  (Cout, Cin)   read; F32 or BF16
     * bias    (Cout)        read; null means zero
     * </pre>
     *
     * @throws dev.smallbatch.core.tensor.ShapeException if N, Cin or Cout differ between arguments
     */
    void linear(Tensor out, Tensor x, Tensor weight, Tensor bias);

    /**
     * Gradient of the bias: {@code dbias[c] += sum over n of dout[n, c]}.
     *
     * <pre>
     * dbias  (C)     accumulated
     * dout   (N, C)  read
     * </pre>
     *
     * Rows are added in ascending order.
     */
    void biasBackward(Tensor dbias, Tensor dout);
}
