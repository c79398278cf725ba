package dev.smallbatch.core.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * A fixed set of threads that work through a grid of tasks. The grid comes from shapes alone and every task writes only
 * its own part, so results do not depend on the number of threads. Owned by one back end; {@link #run} is called by one
 * thread at a time, which takes part in the work. Tasks must not call {@link #run}.
 */
public final class Parallel implements AutoCloseable {
    /** How long to spin before parking: longer than the gaps between the kernels of a step, no longer than a wake-up costs. */
    private static final long SPIN_NANOS = 50_000;
    /** Spins between two looks at the clock: one or two microseconds. */
    private static final int SPINS = 64;

    private final Thread[] workers;
    private final long spinNanos;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger active = new AtomicInteger();
    private final AtomicReference<Failure> failure = new AtomicReference<>();
    private volatile int generation;
    private volatile boolean closed;
    private volatile boolean callerParked;
    private Thread caller;
    private Task body;
    private int tasks;

    /** One task of a grid. */
    @FunctionalInterface
    public interface Task {
        /**
         * Does the task's share.
         *
         * @param task index in the grid
         * @param thread index of the executing thread, from 0 to {@link #threads()} - 1: for scratch memory alone
         */
        void run(int task, int thread);
    }

    /** What a task threw. */
    private record Failure(int task, Throwable thrown) {
        static Failure lower(Failure a, Failure b) {
            return a == null || b.task < a.task ? b : a;
        }
    }

    private Parallel(int threads) {
        workers = new Thread[threads - 1];
        // With more threads than processors a spinning one keeps another from working.
        spinNanos = threads <= Runtime.getRuntime().availableProcessors() ? SPIN_NANOS : 0;
        for (int i = 0; i < workers.length; i++) {
            int thread = i + 1;
            workers[i] = Thread.ofPlatform().daemon().name("smallbatch-" + thread).unstarted(() -> work(thread));
        }
        for (Thread worker : workers) {
            worker.start();
        }
    }

    /** @param threads threads that compute, the caller of {@link #run} included; at least 1 */
    public static Parallel of(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("parallel: " + threads + " threads; at least 1");
        }
        return new Parallel(threads);
    }

    public int threads() {
        return workers.length + 1;
    }

    /**
     * Runs tasks 0 to {@code tasks - 1} and returns when all are done.
     *
     * @throws RuntimeException what a task threw, that of the lowest index if several did; tasks not yet begun are skipped
     * @throws IllegalStateException if the threads were ended by {@link #close}
     */
    public void run(int tasks, Task body) {
        if (closed) {
            throw new IllegalStateException("parallel: closed; the back end that owned these threads was closed before");
        }
        if (workers.length == 0 || tasks <= 1) {
            for (int task = 0; task < tasks; task++) {
                body.run(task, 0);
            }
            return;
        }
        this.body = body;
        this.tasks = tasks;
        caller = Thread.currentThread();
        failure.set(null);
        next.set(0);
        active.set(workers.length);
        generation++;
        for (Thread worker : workers) {
            LockSupport.unpark(worker);
        }
        drain(0);
        awaitWorkers();
        this.body = null;
        Failure failed = failure.get();
        if (failed != null) {
            if (failed.thrown instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) failed.thrown;
        }
    }

    private void awaitWorkers() {
        spinWhile(() -> active.get() > 0);
        callerParked = true;
        while (active.get() > 0) {
            LockSupport.park(this);
        }
        callerParked = false;
    }

    private void spinWhile(BooleanSupplier waiting) {
        long start = System.nanoTime();
        while (waiting.getAsBoolean() && System.nanoTime() - start < spinNanos) {
            for (int spin = 0; spin < SPINS && waiting.getAsBoolean(); spin++) {
                Thread.onSpinWait();
            }
        }
    }

    private void drain(int thread) {
        int task = next.getAndIncrement();
        try {
            for (; task < tasks; task = next.getAndIncrement()) {
                body.run(task, thread);
            }
        } catch (RuntimeException | Error e) {
            next.set(tasks);
            failure.accumulateAndGet(new Failure(task, e), Failure::lower);
        }
    }

    private void work(int thread) {
        int seen = 0;
        while (true) {
            int last = seen;
            spinWhile(() -> generation == last && !closed);
            while (generation == seen && !closed) {
                LockSupport.park(this);
            }
            if (generation == seen) {
                return;
            }
            seen = generation;
            drain(thread);
            if (active.decrementAndGet() == 0 && callerParked) {
                LockSupport.unpark(caller);
            }
        }
    }

    /** Ends the threads. Closing twice does nothing. */
    @Override
    public void close() {
        closed = true;
        for (Thread worker : workers) {
            LockSupport.unpark(worker);
        }
    }
}
