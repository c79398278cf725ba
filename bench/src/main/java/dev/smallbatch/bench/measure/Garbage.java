package dev.smallbatch.bench.measure;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** How much the threads of this process have allocated on the heap, which is what the garbage collector has to clear away. */
public final class Garbage {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private Garbage() {}

    /** Bytes since the start, of all threads. */
    public static long allocatedBytes() {
        return THREADS.getTotalThreadAllocatedBytes();
    }
}
