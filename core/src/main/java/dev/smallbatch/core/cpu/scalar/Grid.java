package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;

/**
 * Cuts a range of independent items (rows, heads, channels, elements) into tasks. The cuts follow from the number of items
 * and their cost, so from shapes alone.
 */
final class Grid {
    /** Operations worth a task of their own. */
    private static final long GRAIN = 1 << 15;
    private static final long MAX_TASKS = 1 << 16;

    private Grid() {}

    /** The work on items {@code from} (inclusive) to {@code to} (exclusive). */
    @FunctionalInterface
    interface Part {
        void run(long from, long to);
    }

    /**
     * Runs {@code part} over items 0 to {@code items - 1}.
     *
     * @param cost operations per item, roughly
     */
    static void split(Parallel parallel, long items, long cost, Part part) {
        long atLeast = Math.max(1, GRAIN / Math.max(1, cost));
        long size = Math.max(atLeast, Math.ceilDiv(items, MAX_TASKS));
        int tasks = Math.toIntExact(Math.ceilDiv(items, size));
        parallel.run(tasks, (task, thread) -> part.run(task * size, Math.min(items, (task + 1) * size)));
    }
}
