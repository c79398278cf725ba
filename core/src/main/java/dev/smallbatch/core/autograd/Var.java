package dev.smallbatch.core.autograd;

import dev.smallbatch.core.tensor.Tensor;

/**
 * A tensor on a tape.
 *
 * @param value the result of a forward call
 * @param slot where its gradient is kept during backward; -1 if the tape does not record
 */
public record Var(Tensor value, int slot) {}
