package dev.smallbatch.bench.profile;

import dev.smallbatch.core.replay.KernelCall;
import dev.smallbatch.core.spi.Kernels;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Passes every call on and keeps how long it took. The families are reflective proxies, which add about a microsecond to a
 * call, outside of its own time. Used by one thread.
 */
final class TimedKernels {
    private final List<TimedCall> calls = new ArrayList<>();
    private final Kernels kernels;

    /** A call and its time in seconds. */
    record TimedCall(KernelCall call, double seconds) {}

    TimedKernels(Kernels kernels) {
        RecordComponent[] families = Kernels.class.getRecordComponents();
        Class<?>[] types = new Class<?>[families.length];
        Object[] timed = new Object[families.length];
        try {
            for (int i = 0; i < families.length; i++) {
                types[i] = families[i].getType();
                timed[i] = timed(families[i].getName(), types[i], families[i].getAccessor().invoke(kernels));
            }
            this.kernels = Kernels.class.getConstructor(types).newInstance(timed);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("profile: the record of kernels cannot be wrapped", e);
        }
    }

    /** The kernels to call. */
    Kernels kernels() {
        return kernels;
    }

    /** The calls since the last time, in order. */
    List<TimedCall> take() {
        List<TimedCall> taken = List.copyOf(calls);
        calls.clear();
        return taken;
    }

    private Object timed(String family, Class<?> type, Object target) {
        return Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
                (proxy, method, arguments) -> call(family, target, method, arguments));
    }

    private Object call(String family, Object target, Method method, Object[] arguments) throws Throwable {
        try {
            long begin = System.nanoTime();
            Object result = method.invoke(target, arguments);
            long end = System.nanoTime();
            if (method.getDeclaringClass() != Object.class) {
                calls.add(new TimedCall(new KernelCall(family, method.getName(), Arrays.asList(arguments)), 1e-9 * (end - begin)));
            }
            return result;
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
