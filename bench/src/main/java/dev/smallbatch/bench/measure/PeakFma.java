package dev.smallbatch.bench.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** How many floating-point operations the processor does at most: multiply-adds between registers, no memory at all. */
final class PeakFma {
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    /** Independent sums: two units with a latency of four or five cycles need ten or more. */
    private static final int SUMS = 12;
    private static final int REPETITIONS = 20_000;
    private static final double WINDOW_SECONDS = 0.03;

    private PeakFma() {}

    /** Bits of the vectors it is measured with. */
    static int bits() {
        return SPECIES.vectorBitSize();
    }

    /**
     * In floating-point operations per second of all {@code threads} together: the best of {@code windows} short times, the
     * first of which the JVM needs to compile.
     */
    static double flopsPerSecond(int threads, int windows) {
        double best = 0;
        for (int i = 0; i < windows; i++) {
            best = Math.max(best, window(threads));
        }
        return best;
    }

    private static double window(int threads) {
        AtomicLong calls = new AtomicLong();
        CountDownLatch begin = new CountDownLatch(threads);
        List<Thread> running = new ArrayList<>();
        long start = System.nanoTime();
        for (int i = 0; i < threads; i++) {
            running.add(Thread.ofPlatform().daemon().start(() -> {
                begin.countDown();
                awaitAll(begin);
                long end = System.nanoTime() + (long) (1e9 * WINDOW_SECONDS);
                float sink = 0;
                long done = 0;
                do {
                    sink += multiplyAdds();
                    done++;
                } while (System.nanoTime() < end);
                calls.addAndGet(sink == 0 ? done : -done);
            }));
        }
        awaitAll(begin);
        start = System.nanoTime();
        running.forEach(PeakFma::join);
        double seconds = 1e-9 * (System.nanoTime() - start);
        return Math.abs(calls.get()) * 2.0 * SUMS * REPETITIONS * SPECIES.length() / seconds;
    }

    private static void awaitAll(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private static IllegalStateException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new IllegalStateException("roofline: interrupted while measuring", e);
    }

    /** {@code SUMS * REPETITIONS} vector multiply-adds; the sums converge to 1. */
    private static float multiplyAdds() {
        FloatVector half = FloatVector.broadcast(SPECIES, 0.5f);
        FloatVector s0 = half;
        FloatVector s1 = half;
        FloatVector s2 = half;
        FloatVector s3 = half;
        FloatVector s4 = half;
        FloatVector s5 = half;
        FloatVector s6 = half;
        FloatVector s7 = half;
        FloatVector s8 = half;
        FloatVector s9 = half;
        FloatVector s10 = half;
        FloatVector s11 = half;
        for (int i = 0; i < REPETITIONS; i++) {
            s0 = s0.fma(half, half);
            s1 = s1.fma(half, half);
            s2 = s2.fma(half, half);
            s3 = s3.fma(half, half);
            s4 = s4.fma(half, half);
            s5 = s5.fma(half, half);
            s6 = s6.fma(half, half);
            s7 = s7.fma(half, half);
            s8 = s8.fma(half, half);
            s9 = s9.fma(half, half);
            s10 = s10.fma(half, half);
            s11 = s11.fma(half, half);
        }
        FloatVector sum = s0.add(s1).add(s2.add(s3)).add(s4.add(s5)).add(s6.add(s7)).add(s8.add(s9)).add(s10.add(s11));
        return sum.lane(0);
    }
}
