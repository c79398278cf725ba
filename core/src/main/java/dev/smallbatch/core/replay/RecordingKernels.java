package dev.smallbatch.core.replay;

import dev.smallbatch.core.spi.ActivationKernels;
import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.EmbeddingKernels;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.NormKernels;
import dev.smallbatch.core.spi.QuantizedUpdateKernels;
import dev.smallbatch.core.spi.UpdateKernels;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Passes every call on and keeps a list of those that returned. The families are reflective proxies, which is slow and
 * does not matter: one step is recorded. Used by one thread.
 */
public final class RecordingKernels {
    private final List<KernelCall> calls = new ArrayList<>();
    private final Kernels kernels;

    /** @param kernels what computes */
    public RecordingKernels(Kernels kernels) {
        this.kernels = new Kernels(
                recording("matmul", MatmulKernels.class, kernels.matmul()),
                recording("norm", NormKernels.class, kernels.norm()),
                recording("activation", ActivationKernels.class, kernels.activation()),
                recording("attention", AttentionKernels.class, kernels.attention()),
                recording("embedding", EmbeddingKernels.class, kernels.embedding()),
                recording("loss", LossKernels.class, kernels.loss()),
                recording("elementwise", ElementwiseKernels.class, kernels.elementwise()),
                recording("update", UpdateKernels.class, kernels.update()),
                recording("quantized", QuantizedUpdateKernels.class, kernels.quantized()));
    }

    /** The kernels to call. */
    public Kernels kernels() {
        return kernels;
    }

    /** The calls so far, in order; a copy. */
    public List<KernelCall> calls() {
        return List.copyOf(calls);
    }

    private <T> T recording(String family, Class<T> type, T target) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
                (proxy, method, arguments) -> call(family, target, method, arguments)));
    }

    private Object call(String family, Object target, Method method, Object[] arguments) throws Throwable {
        try {
            Object result = method.invoke(target, arguments);
            if (method.getDeclaringClass() != Object.class) {
                calls.add(new KernelCall(family, method.getName(), Arrays.asList(arguments)));
            }
            return result;
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
