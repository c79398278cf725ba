package dev.smallbatch.core.spi;

/** How a float is rounded to BF16: by {@link ElementwiseKernels#convert}, and where {@link UpdateKernels} write a weight. */
public enum Rounding {
    /** To the nearest, ties to even. */
    NEAREST_EVEN,
    /** Up or down at random with the expectation unchanged, by keyed counter-based bits. */
    STOCHASTIC
}
