package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Pointwise nonlinearities. */
public interface ActivationKernels {
    /**
     * {@code out = f(x)}, the absolute error of f below 1e-6 times {@code max(1, |x|)}.
     *
     * <pre>
     * out  any shape  written; may be x
     * x    as out     read
     * </pre>
     */
    void activate(Tensor out, Tensor x, Activation kind);

    /**
     * {@code dx = dout * f'(x)}.
     *
     * <pre>
     * dx    any shape  written; may be dout
     * dout  as dx      read
     * x     as dx      read; the input of the forward call
     * </pre>
     */
    void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation kind);
}
