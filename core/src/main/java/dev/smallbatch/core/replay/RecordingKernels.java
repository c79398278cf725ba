package dev.smallbatch.core.replay;

import dev.smallbatch.core.spi.ActivationKernels;
import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.EmbeddingKernels;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.NormKernels;
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
public final class RecordingKernels implements Kernels {
    private final List<KernelCall> calls = new ArrayList<>();
    private final MatmulKernels matmul;
    private final NormKernels norm;
    private final ActivationKernels activation;
    private final AttentionKernels attention;
    private final EmbeddingKernels embedding;
    private final LossKernels loss;
    private final ElementwiseKernels elementwise;
    private final UpdateKernels update;

    /** @param kernels what computes */
    public RecordingKernels(Kernels kernels) {
        matmul = recording("matmul", MatmulKernels.class, kernels.matmul());
        norm = recording("norm", NormKernels.class, kernels.norm());
        activation = recording("activation", ActivationKernels.class, kernels.activation());
        attention = recording("attention", AttentionKernels.class, kernels.attention());
        embedding = recording("embedding", EmbeddingKernels.class, kernels.embedding());
        loss = recording("loss", LossKernels.class, kernels.loss());
        elementwise = recording("elementwise", ElementwiseKernels.class, kernels.elementwise());
        update = recording("update", UpdateKernels.class, kernels.update());
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

    @Override
    public MatmulKernels matmul() {
        return matmul;
    }

    @Override
    public NormKernels norm() {
        return norm;
    }

    @Override
    public ActivationKernels activation() {
        return activation;
    }

    @Override
    public AttentionKernels attention() {
        return attention;
    }

    @Override
    public EmbeddingKernels embedding() {
        return embedding;
    }

    @Override
    public LossKernels loss() {
        return loss;
    }

    @Override
    public ElementwiseKernels elementwise() {
        return elementwise;
    }

    @Override
    public UpdateKernels update() {
        return update;
    }
}
