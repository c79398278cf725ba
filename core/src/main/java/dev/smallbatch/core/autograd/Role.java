package dev.smallbatch.core.autograd;

/** What a parameter is in the model: how optimizers group parameters. */
public enum Role {
    /** A hidden weight matrix. */
    MATRIX,
    /** A table that is looked up: tokens or positions. */
    EMBEDDING,
    /** The output table. */
    HEAD,
    /** A table of tokens that is the output table as well. */
    TIED,
    /** A bias or a norm's weight. */
    VECTOR
}
