package dev.smallbatch.core.spi;

/** How {@link ElementwiseKernels#convert} rounds a float to fewer bits. */
public enum Rounding {
    /** To the nearest, ties to even. */
    NEAREST_EVEN,
    /** Up or down at random with the expectation unchanged, by keyed counter-based bits. */
    STOCHASTIC
}
