package dev.smallbatch.core.replay;

import dev.smallbatch.core.spi.Kernels;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs recorded calls again, on the tensors they were recorded with: new inputs are written into those before, results
 * are read from them afterwards. Used by one thread.
 */
public final class Replayer {
    private final List<BoundCall> calls = new ArrayList<>();

    private record BoundCall(Object family, Method method, Object[] arguments) {}

    /**
     * @param kernels what computes; not necessarily what the calls were recorded on
     * @param recorded the calls, in order
     * @throws IllegalArgumentException if a call names no kernel
     */
    public Replayer(Kernels kernels, List<KernelCall> recorded) {
        for (KernelCall call : recorded) {
            calls.add(bind(kernels, call));
        }
    }

    private static BoundCall bind(Kernels kernels, KernelCall call) {
        try {
            Method accessor = Kernels.class.getMethod(call.family());
            for (Method method : accessor.getReturnType().getMethods()) {
                if (method.getName().equals(call.method())) {
                    return new BoundCall(accessor.invoke(kernels), method, call.arguments().toArray());
                }
            }
        } catch (NoSuchMethodException e) {
            throw new IllegalArgumentException("replay: no family of kernels is called " + call.family(), e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("replay: " + call, e);
        }
        throw new IllegalArgumentException("replay: family " + call.family() + " has no kernel " + call.method());
    }

    /** Makes all calls in order; an exception of a kernel ends the run and is thrown as it is. */
    public void run() {
        for (BoundCall call : calls) {
            try {
                call.method.invoke(call.family, call.arguments);
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof Error error) {
                    throw error;
                }
                throw (RuntimeException) e.getCause();
            } catch (IllegalAccessException e) {
                throw new IllegalStateException("replay: " + call.method, e);
            }
        }
    }
}
