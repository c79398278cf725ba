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
 * <p>Memory is handed out from both ends, each of them a stack, until they meet: what is to outlive things that were
 * allocated before it comes from the back.
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
    private final Stack front = new Stack();
    private final Stack back = new Stack();
    private long peak;
    private boolean closed;

    private Region(String label, long capacity, Arena arena, MemorySegment memory) {
        this.label = label;
        this.capacity = capacity;
        this.arena = arena;
        this.memory = memory;
    }

    /** The blocks handed out from one end. */
    private static final class Stack {
        /** For each block the bytes used by those before it. */
        private final List<Long> levels = new ArrayList<>();
        private long used;

        void push(long bytes) {
            levels.add(used);
            used += bytes;
        }

        Level level() {
            return new Level(used, levels.size());
        }

        boolean reached(Level level) {
            return level.blocks < levels.size() ? levels.get(level.blocks) == level.used : level.equals(level());
        }

        long end(int block) {
            return block + 1 < levels.size() ? levels.get(block + 1) : used;
        }

        void popTo(Level level) {
            levels.subList(level.blocks, levels.size()).clear();
            used = level.used;
        }
    }

    /** How far a stack is filled. */
    private record Level(long used, int blocks) {}

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
     * A new tensor with undefined contents, from the front.
     *
     * @throws IllegalStateException if the region is closed or its capacity does not suffice
     */
    public Tensor allocate(DType dtype, Shape shape) {
        return allocate(front, dtype, shape);
    }

    /** As {@link #allocate}, from the back: {@link #releaseFront} does not take it back. */
    public Tensor allocateAtBack(DType dtype, Shape shape) {
        return allocate(back, dtype, shape);
    }

    private Tensor allocate(Stack stack, DType dtype, Shape shape) {
        requireOpen();
        long bytes = bytesFor(dtype, shape);
        if (bytes > capacity - used()) {
            throw new IllegalStateException("region %s: %s requested for %s %s, %s free of %s".formatted(label,
                    mib(bytes), dtype, shape, mib(capacity - used()), mib(capacity)));
        }
        stack.push(bytes);
        peak = Math.max(peak, used());
        if (isCounting()) {
            return new Tensor(this, dtype, shape, null);
        }
        long start = offset(stack, stack.levels.size() - 1);
        MemorySegment payload = memory.asSlice(start + PREFIX, shape.numel() * dtype.bytes(), 1);
        if (POISON) {
            memory.asSlice(start, bytes).fill((byte) 0xFF);
            for (int i = 0; i < CANARY_LONGS; i++) {
                memory.set(ValueLayout.JAVA_LONG, start + 8L * i, CANARY);
            }
        }
        return new Tensor(this, dtype, shape, payload);
    }

    /** Where a block begins in {@link #memory}. */
    private long offset(Stack stack, int block) {
        return stack == front ? front.levels.get(block) : capacity / ALIGNMENT * ALIGNMENT - back.end(block);
    }

    /** The present fill level of both ends, to return to with {@link #release} or {@link #releaseFront}. */
    public Mark mark() {
        requireOpen();
        return new Mark(this, front.level(), back.level());
    }

    /**
     * Takes back everything allocated since {@code mark}, which may be released again later; marks are released in stack
     * order.
     *
     * @throws IllegalStateException if the mark is of another region, an earlier mark was released since it was taken and
     *     it no longer lies between two blocks, or a canary was overwritten
     */
    public void release(Mark mark) {
        requireReached(mark.region == this && front.reached(mark.front) && back.reached(mark.back));
        release(front, mark.front);
        release(back, mark.back);
    }

    /** As {@link #release}, but what was allocated at the back stays. */
    public void releaseFront(Mark mark) {
        requireReached(mark.region == this && front.reached(mark.front));
        release(front, mark.front);
    }

    private void requireReached(boolean reached) {
        requireOpen();
        if (!reached) {
            throw new IllegalStateException("region " + label + ": released a mark that is not on its stack");
        }
    }

    private void release(Stack stack, Level level) {
        checkCanaries(stack, level.blocks);
        if (POISON && !isCounting() && level.blocks < stack.levels.size()) {
            int lowest = stack == front ? level.blocks : stack.levels.size() - 1;
            memory.asSlice(offset(stack, lowest), stack.used - level.used).fill((byte) 0xFF);
        }
        stack.popTo(level);
    }

    private void checkCanaries(Stack stack, int fromBlock) {
        if (!POISON || isCounting()) {
            return;
        }
        for (int b = fromBlock; b < stack.levels.size(); b++) {
            long start = offset(stack, b);
            for (int i = 0; i < CANARY_LONGS; i++) {
                if (memory.get(ValueLayout.JAVA_LONG, start + 8L * i) != CANARY) {
                    throw new IllegalStateException("region %s: the bytes in front of block %d%s (offset %d) were overwritten"
                            .formatted(label, b, stack == front ? "" : " at the back", start));
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

    /** Bytes handed out at present, at both ends. */
    public long used() {
        return front.used + back.used;
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
        checkCanaries(front, 0);
        checkCanaries(back, 0);
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

    /** The fill level of one region. */
    public static final class Mark {
        private final Region region;
        private final Level front;
        private final Level back;

        private Mark(Region region, Level front, Level back) {
            this.region = region;
            this.front = front;
            this.back = back;
        }
    }
}
