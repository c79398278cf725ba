package dev.smallbatch.core.autograd;

/** What a parameter is in the model: how optimizers group parameters. */
public enum Role {
    /** A hidden weight matrix. */
    MATRIX,
    /** A table that is looked up: tokens or positions. */
    EMBEDDING,
    /** The output table. */
    HEAD,
    /** A bias or a norm's weight. */
    VECTOR
}
