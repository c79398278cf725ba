package dev.smallbatch.bench.profile;

import dev.smallbatch.bench.measure.Garbage;
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
 * Passes every call on and keeps how long it took and what it allocated. The families are reflective proxies, which add some
 * microseconds to a call, outside of its own time. Used by one thread.
 */
final class TimedKernels {
    private final List<TimedCall> calls = new ArrayList<>();
    private final Kernels kernels;

    /** A call, its time in seconds, and the bytes that all threads allocated on the heap meanwhile. */
    record TimedCall(KernelCall call, double seconds, long garbage) {}

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
            long allocated = Garbage.allocatedBytes();
            long begin = System.nanoTime();
            Object result = method.invoke(target, arguments);
            long end = System.nanoTime();
            long garbage = Garbage.allocatedBytes() - allocated;
            if (method.getDeclaringClass() != Object.class) {
                KernelCall made = new KernelCall(family, method.getName(), Arrays.asList(arguments));
                calls.add(new TimedCall(made, 1e-9 * (end - begin), garbage));
            }
            return result;
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
