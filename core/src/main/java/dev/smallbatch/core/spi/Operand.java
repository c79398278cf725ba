package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/**
 * An argument of a kernel that passed {@link Checks} for itself, and its name for messages about how it fits the others.
 *
 * @param name as in the documentation of the kernel
 * @param tensor the argument; null if it was allowed to be and is
 */
record Operand(String name, Tensor tensor) {
    boolean isNull() {
        return tensor == null;
    }

    long rows() {
        return tensor.shape().rows();
    }

    long cols() {
        return tensor.shape().cols();
    }

    /** True if both are the very same memory, in which an elementwise kernel may work. */
    boolean sameMemory(Operand other) {
        return !isNull() && !other.isNull() && !tensor.isPlanned() && !other.tensor.isPlanned()
                && tensor.bytes() == other.tensor.bytes()
                && tensor.segment().address() == other.tensor.segment().address();
    }

    /** This operand, or none if it is the very same memory as {@code output}: for outputs that may be an input. */
    Operand unlessSame(Operand output) {
        return sameMemory(output) ? new Operand(name, null) : this;
    }

    /** For example {@code x (1024, 768)}. */
    @Override
    public String toString() {
        return name + " " + (isNull() ? "null" : tensor.shape());
    }
}
