package dev.smallbatch.core.tensor;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** Counts native allocations of the process, so that tests and logs can show that none happens after step 1. */
public final class MemoryStats {
    private static final AtomicLong ALLOCATIONS = new AtomicLong();
    private static final AtomicLong LIVE_BYTES = new AtomicLong();
    private static final Map<Region, Throwable> OPEN = new ConcurrentHashMap<>();

    private MemoryStats() {}

    /** Number of native allocations since the start of the JVM. */
    public static long nativeAllocations() {
        return ALLOCATIONS.get();
    }

    /** Bytes of native memory held by open regions. */
    public static long liveBytes() {
        return LIVE_BYTES.get();
    }

    /** Stacks that created the regions still open, each labelled with its region; recorded only when poisoning is on. */
    public static List<Throwable> openRegions() {
        return List.copyOf(OPEN.values());
    }

    static void opened(Region region) {
        ALLOCATIONS.incrementAndGet();
        LIVE_BYTES.addAndGet(region.capacity());
        if (Region.POISON) {
            OPEN.put(region, new Throwable("region " + region.label() + " was created here"));
        }
    }

    static void closed(Region region) {
        LIVE_BYTES.addAndGet(-region.capacity());
        OPEN.remove(region);
    }
}
