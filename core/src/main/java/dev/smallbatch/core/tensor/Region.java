package dev.smallbatch.core.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Native memory with one lifetime: exactly one shared arena, handed out by bumping a pointer. Allocation and release
 * belong to one thread; tensors may be read and written by any. Close a region only at the end of a run, since closing
 * a shared arena stops every thread for a moment.
 *
 * <p>Every block is 64-byte aligned and has 64 bytes in front of it: the first 32 hold a canary that is checked when the
 * block is released, the last 32 belong to back-end plug-ins. With assertions enabled, or with
 * {@code -Dsmallbatch.poison=true}, fresh and released memory is filled with 0xFF bytes: NaN for floats, -1 for integers.
 */
public final class Region implements AutoCloseable {
    static final boolean POISON = poison();
    private static final long ALIGNMENT = 64;
    private static final long PREFIX = 64;
    private static final long CANARY = 0x5ba11ba7c45a11edL;
    private static final int CANARY_LONGS = 4;

    private final String label;
    private final long capacity;
    private final Arena arena;
    /** Everything that is handed out, prefixes included; null if the region only counts. */
    final MemorySegment memory;
    private final List<Long> blocks = new ArrayList<>();
    private long used;
    private long peak;
    private boolean closed;

    private Region(String label, long capacity, Arena arena, MemorySegment memory) {
        this.label = label;
        this.capacity = capacity;
        this.arena = arena;
        this.memory = memory;
    }

    private static boolean poison() {
        boolean assertions = false;
        assert assertions = true;
        return assertions || Boolean.getBoolean("smallbatch.poison");
    }

    /**
     * Reserves native memory.
     *
     * @param label what the region is for, named in every error
     * @param capacityBytes bytes that can be handed out, prefixes included; {@link #bytesFor} gives the cost of a tensor
     * @throws OutOfMemoryError if the system refuses
     */
    public static Region create(String label, long capacityBytes) {
        if (capacityBytes < 0) {
            throw new IllegalArgumentException("region " + label + ": negative capacity " + capacityBytes);
        }
        Arena arena = Arena.ofShared();
        Region region = new Region(label, capacityBytes, arena, arena.allocate(Math.max(1, capacityBytes), ALIGNMENT));
        MemoryStats.opened(region);
        return region;
    }

    /** A region that reserves nothing and only counts: its tensors have shapes but no memory. For memory plans. */
    public static Region counting(String label) {
        return new Region(label, Long.MAX_VALUE, null, null);
    }

    /**
     * Bytes of region capacity that one tensor takes, prefix and alignment included.
     *
     * @throws ShapeException if a long cannot count them
     */
    public static long bytesFor(DType dtype, Shape shape) {
        try {
            return Math.addExact(PREFIX, roundUp(Math.multiplyExact(shape.numel(), dtype.bytes())));
        } catch (ArithmeticException e) {
            throw new ShapeException("shape " + shape + " of " + dtype + ": more than 2^63 bytes");
        }
    }

    /**
     * A new tensor with undefined contents.
     *
     * @throws IllegalStateException if the region is closed or its capacity does not suffice
     */
    public Tensor allocate(DType dtype, Shape shape) {
        requireOpen();
        long bytes = bytesFor(dtype, shape);
        if (bytes > capacity - used) {
            throw new IllegalStateException("region %s: %s requested for %s %s, %s free of %s".formatted(label,
                    mib(bytes), dtype, shape, mib(capacity - used), mib(capacity)));
        }
        long start = used;
        blocks.add(start);
        used += bytes;
        peak = Math.max(peak, used);
        if (isCounting()) {
            return new Tensor(this, dtype, shape, null);
        }
        MemorySegment payload = memory.asSlice(start + PREFIX, shape.numel() * dtype.bytes(), 1);
        if (POISON) {
            memory.asSlice(start, bytes).fill((byte) 0xFF);
            for (int i = 0; i < CANARY_LONGS; i++) {
                memory.set(ValueLayout.JAVA_LONG, start + 8L * i, CANARY);
            }
        }
        return new Tensor(this, dtype, shape, payload);
    }

    /** The present fill level, to return to with {@link #release}. */
    public Mark mark() {
        requireOpen();
        return new Mark(this, used, blocks.size());
    }

    /**
     * Takes back everything allocated since {@code mark}, which may be released again later; marks are released in stack
     * order.
     *
     * @throws IllegalStateException if the mark is of another region, an earlier mark was released since it was taken and
     *     it no longer lies between two blocks, or a canary was overwritten
     */
    public void release(Mark mark) {
        requireOpen();
        if (mark.region != this || !isBlockBoundary(mark)) {
            throw new IllegalStateException("region " + label + ": released a mark that is not on its stack");
        }
        checkCanaries(mark.blocks);
        if (POISON && !isCounting()) {
            memory.asSlice(mark.used, used - mark.used).fill((byte) 0xFF);
        }
        blocks.subList(mark.blocks, blocks.size()).clear();
        used = mark.used;
    }

    private boolean isBlockBoundary(Mark mark) {
        if (mark.blocks >= blocks.size()) {
            return mark.blocks == blocks.size() && mark.used == used;
        }
        return blocks.get(mark.blocks) == mark.used;
    }

    private void checkCanaries(int fromBlock) {
        if (!POISON || isCounting()) {
            return;
        }
        for (int b = fromBlock; b < blocks.size(); b++) {
            for (int i = 0; i < CANARY_LONGS; i++) {
                if (memory.get(ValueLayout.JAVA_LONG, blocks.get(b) + 8L * i) != CANARY) {
                    throw new IllegalStateException("region %s: the bytes in front of block %d (offset %d) were overwritten"
                            .formatted(label, b, blocks.get(b)));
                }
            }
        }
    }

    public String label() {
        return label;
    }

    /** Bytes the region can hand out. */
    public long capacity() {
        return capacity;
    }

    /** Bytes handed out at present. */
    public long used() {
        return used;
    }

    /** Largest {@link #used()} so far. */
    public long peak() {
        return peak;
    }

    /** True if the region only counts, so that its tensors have no memory. */
    public boolean isCounting() {
        return arena == null;
    }

    public boolean isOpen() {
        return !closed;
    }

    /** Frees the memory; later use of its tensors fails. Closing twice does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        checkCanaries(0);
        closed = true;
        if (arena != null) {
            arena.close();
            MemoryStats.closed(this);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("region " + label + " is closed");
        }
    }

    private static long roundUp(long bytes) {
        return Math.addExact(bytes, ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    private static String mib(long bytes) {
        return "%.1f MiB".formatted(bytes / 1048576.0);
    }

    /** A fill level of one region. */
    public static final class Mark {
        private final Region region;
        private final long used;
        private final int blocks;

        private Mark(Region region, long used, int blocks) {
            this.region = region;
            this.used = used;
            this.blocks = blocks;
        }
    }
}
