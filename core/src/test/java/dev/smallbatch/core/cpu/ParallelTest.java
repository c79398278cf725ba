package dev.smallbatch.core.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ParallelTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7})
    void everyTaskRunsExactlyOnce(int threads) {
        try (Parallel parallel = Parallel.of(threads)) {
            for (int tasks : new int[] {0, 1, 2, 3, 7, 8, 1000}) {
                AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
                parallel.run(tasks, (task, thread) -> runs.incrementAndGet(task));
                for (int task = 0; task < tasks; task++) {
                    assertEquals(1, runs.get(task), "task " + task + " of " + tasks);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7})
    void threadIndicesAreThoseOfTheSet(int threads) {
        try (Parallel parallel = Parallel.of(threads)) {
            assertEquals(threads, parallel.threads());
            AtomicInteger wrong = new AtomicInteger();
            parallel.run(1000, (task, thread) -> {
                if (thread < 0 || thread >= threads) {
                    wrong.incrementAndGet();
                }
            });
            assertEquals(0, wrong.get());
        }
    }

    @Test
    void noThreadRunsTwoTasksAtOnce() {
        try (Parallel parallel = Parallel.of(7)) {
            AtomicIntegerArray busy = new AtomicIntegerArray(7);
            AtomicInteger clashes = new AtomicInteger();
            for (int round = 0; round < 100; round++) {
                parallel.run(50, (task, thread) -> {
                    if (busy.incrementAndGet(thread) != 1) {
                        clashes.incrementAndGet();
                    }
                    busy.decrementAndGet(thread);
                });
            }
            assertEquals(0, clashes.get());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 7})
    void plainWritesOfTasksAreVisibleAfterwardsRunAfterRun(int threads) {
        try (Parallel parallel = Parallel.of(threads)) {
            int[] values = new int[64];
            for (int round = 1; round <= 500; round++) {
                parallel.run(values.length, (task, thread) -> values[task]++);
                for (int value : values) {
                    assertEquals(round, value);
                }
            }
        }
    }

    @Test
    void plainWritesOfTheCallerAreVisibleToTasks() {
        try (Parallel parallel = Parallel.of(2)) {
            int[] input = new int[1];
            int[] seen = new int[8];
            for (int round = 1; round <= 500; round++) {
                input[0] = round;
                parallel.run(seen.length, (task, thread) -> seen[task] = input[0]);
                for (int value : seen) {
                    assertEquals(round, value);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7})
    void whatATaskThrowsReachesTheCallerUnchanged(int threads) {
        IllegalArgumentException thrown = new IllegalArgumentException("task 5");
        try (Parallel parallel = Parallel.of(threads)) {
            assertSame(thrown, assertThrows(IllegalArgumentException.class, () -> parallel.run(100, (task, thread) -> {
                if (task == 5) {
                    throw thrown;
                }
            })));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7})
    void errorsReachTheCallerToo(int threads) {
        try (Parallel parallel = Parallel.of(threads)) {
            assertThrows(StackOverflowError.class, () -> parallel.run(100, (task, thread) -> {
                throw new StackOverflowError();
            }));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7})
    void ofSeveralFailuresThatOfTheLowestTaskIsThrown(int threads) {
        try (Parallel parallel = Parallel.of(threads)) {
            for (int round = 0; round < 50; round++) {
                IllegalStateException first = assertThrows(IllegalStateException.class,
                        () -> parallel.run(50, (task, thread) -> {
                            if (task >= 3) {
                                throw new IllegalStateException("task " + task);
                            }
                        }));
                assertEquals("task 3", first.getMessage());
            }
        }
    }

    @Test
    void aFailureDoesNotSpoilTheNextRun() {
        try (Parallel parallel = Parallel.of(3)) {
            for (int round = 0; round < 100; round++) {
                assertThrows(IllegalStateException.class, () -> parallel.run(20, (task, thread) -> {
                    throw new IllegalStateException();
                }));
                AtomicInteger runs = new AtomicInteger();
                parallel.run(20, (task, thread) -> runs.incrementAndGet());
                assertEquals(20, runs.get());
            }
        }
    }

    @Test
    void differentThreadsMayCallOneAfterTheOther() throws InterruptedException {
        AtomicInteger runs = new AtomicInteger();
        try (Parallel parallel = Parallel.of(2)) {
            for (int round = 0; round < 20; round++) {
                Thread caller = Thread.ofPlatform().start(() -> parallel.run(10, (task, thread) -> runs.incrementAndGet()));
                caller.join();
            }
        }
        assertEquals(200, runs.get());
    }

    @Test
    void anInterruptedCallerStillWaitsForAllTasks() {
        AtomicInteger runs = new AtomicInteger();
        try (Parallel parallel = Parallel.of(2)) {
            Thread.currentThread().interrupt();
            parallel.run(1000, (task, thread) -> runs.incrementAndGet());
        }
        assertTrue(Thread.interrupted(), "the interrupt is kept for others to see");
        assertEquals(1000, runs.get());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aClosedSetRefusesToRun(int threads) {
        Parallel parallel = Parallel.of(threads);
        parallel.close();
        parallel.close();
        assertThrows(IllegalStateException.class, () -> parallel.run(2, (task, thread) -> {}));
    }

    @Test
    void fewerThanOneThreadIsRefused() {
        assertEquals("parallel: 0 threads; at least 1",
                assertThrows(IllegalArgumentException.class, () -> Parallel.of(0)).getMessage());
    }
}
