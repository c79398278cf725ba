package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;

/** Cuts a flat run of elements into tasks of a fixed size, so that the cut does not depend on the threads. */
final class Chunks {
    /** Elements of a task: 64 KiB of floats, a few microseconds of work; a multiple of every vector length. */
    static final int SIZE = 1 << 14;

    private final Parallel parallel;

    /** Works on elements {@code from} to {@code from + count - 1}. */
    @FunctionalInterface
    interface Body {
        void run(long from, int count);
    }

    Chunks(Parallel parallel) {
        this.parallel = parallel;
    }

    int count(long elements) {
        return Math.toIntExact((elements + SIZE - 1) / SIZE);
    }

    void run(long elements, Body body) {
        parallel.run(count(elements), (task, thread) -> {
            long from = (long) task * SIZE;
            body.run(from, (int) Math.min(SIZE, elements - from));
        });
    }
}
