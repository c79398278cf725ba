package dev.smallbatch.tck;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import java.util.List;

/**
 * One tensor argument of an {@link OpCase}.
 *
 * @param name as in the documentation of the operation
 * @param role what the operation does with it
 * @param dtype element type
 * @param shape shape; null if the case passes null for an optional argument
 * @param bits contents before the call, one element per int in its low bits; see {@link Bits}
 * @param mayBe inputs whose place an output may take
 * @param optional whether null may be passed in its place
 * @param weight whether it may be F32 or BF16
 * @param freeAxes axes whose size nothing else in the call determines, so that another size is no error
 */
record Arg(String name, Role role, DType dtype, Shape shape, int[] bits, List<String> mayBe, boolean optional,
        boolean weight, List<Integer> freeAxes) {
    boolean isAbsent() {
        return shape == null;
    }

    boolean isOutput() {
        return role != Role.READ && !isAbsent();
    }

    Arg with(int[] other) {
        return new Arg(name, role, dtype, shape, other, mayBe, optional, weight, freeAxes);
    }
}
