package dev.smallbatch.tck;

/** What an operation does with an argument. */
enum Role {
    /** Overwritten without being read: starts as NaN. */
    WRITTEN,
    /** Added to: starts with known values. */
    ACCUMULATED,
    /** Read and left alone. */
    READ
}
