package dev.smallbatch.core.replay;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One call of a kernel. It holds the very tensors of the call, so it is valid as long as their memory is used the same way.
 *
 * @param family name of the method of {@link dev.smallbatch.core.spi.Kernels} that gives the family, for example {@code norm}
 * @param method name of the kernel, for example {@code rmsNorm}
 * @param arguments tensors, numbers, enums and specs in the order of the method; null where null was given
 */
public record KernelCall(String family, String method, List<Object> arguments) {
    public KernelCall {
        arguments = Collections.unmodifiableList(new ArrayList<>(arguments));
    }

    /** For example {@code norm.rmsNorm(f32 (8, 16), f32 (8), f32 (8, 16), null, 1.0E-6)}. */
    @Override
    public String toString() {
        return family + "." + method + arguments.stream().map(String::valueOf).collect(Collectors.joining(", ", "(", ")"));
    }
}
