package dev.smallbatch.optim.curvature;

import dev.smallbatch.core.tensor.Tensor;

/** A symmetric matrix that is known by its products alone. */
@FunctionalInterface
public interface SymmetricOperator {
    /** {@code y = A x}. <pre>x  (n) F32  read
     * y  (n) F32  written</pre> */
    void apply(Tensor x, Tensor y);
}
