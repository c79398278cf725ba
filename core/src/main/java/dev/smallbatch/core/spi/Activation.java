package dev.smallbatch.core.spi;

/** Pointwise nonlinearities of {@link ActivationKernels}. */
public enum Activation {
    /** {@code 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))}: GPT-2's approximation. */
    GELU_TANH,
    /** {@code 0.5 x (1 + erf(x / sqrt(2)))}. */
    GELU_ERF,
    /** {@code x / (1 + exp(-x))}. */
    SILU,
    /** {@code max(0, x)^2}. */
    RELU_SQUARED
}
