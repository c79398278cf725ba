package dev.smallbatch.core.spi;

/** Whether a matrix operand is read as stored or transposed. */
public enum Transpose {
    /** As stored. */
    NO,
    /** Rows and columns exchanged. */
    YES
}
