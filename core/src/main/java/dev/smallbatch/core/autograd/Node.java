package dev.smallbatch.core.autograd;

import dev.smallbatch.core.spi.Kernels;

/** One recorded operation; its components are what it saved for backward. */
public interface Node {
    /** The forward result, whose gradient {@link #backward} reads. */
    Var out();

    /**
     * Reads the gradient of {@link #out} and adds to those of the inputs, then to those of the parameters: in this order,
     * so that an update inside backward never changes a value that is still to be read.
     */
    void backward(Gradients gradients, Kernels kernels);
}
