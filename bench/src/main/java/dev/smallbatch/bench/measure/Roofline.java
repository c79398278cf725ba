package dev.smallbatch.bench.measure;

import dev.smallbatch.core.spi.Kernels;

/**
 * What the machine can do at most, with the threads of a backend.
 *
 * @param flopsPerSecond multiply-adds between registers, each of which counts as two operations
 * @param readBytesPerSecond read from memory that no cache holds
 * @param bytesPerSecond read, or read and written, whichever is faster
 */
public record Roofline(double flopsPerSecond, double readBytesPerSecond, double bytesPerSecond) {
    private static final int WINDOWS = 20;
    private static final long BUFFER = 256L << 20;
    private static final int PASSES = 3;
    private static final double PASSES_SECONDS = 0.5;

    /** @param patience 1, which takes three seconds, or 0 for numbers that mean nothing */
    public static Roofline measure(Kernels kernels, int threads, double patience) {
        long bytes = patience == 0 ? BUFFER >> 10 : BUFFER;
        Timings.AtLeast passes = new Timings.AtLeast(PASSES, patience * PASSES_SECONDS);
        double reading = Bandwidth.measure(kernels, bytes, passes).best();
        return new Roofline(peak(threads, patience), reading, Math.max(reading, Bandwidth.ofAxpy(kernels, bytes, passes)));
    }

    /** Floating-point operations per second of that many threads, the best of several short times. */
    public static double peak(int threads, double patience) {
        return PeakFma.flopsPerSecond(threads, (int) Math.max(1, patience * WINDOWS));
    }

    /** Bits of the vectors that {@link #peak} is measured with. */
    public static int vectorBits() {
        return PeakFma.bits();
    }

    /** Seconds that work takes at least: those of its operations or those of its bytes, whichever is more. */
    public double seconds(Work work) {
        return Math.max(work.flops() / flopsPerSecond, work.bytes() / bytesPerSecond);
    }

    /** Whether the operations take longer than the bytes. */
    public boolean isBoundByArithmetic(Work work) {
        return work.flops() / flopsPerSecond > work.bytes() / bytesPerSecond;
    }
}
