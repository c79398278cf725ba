package dev.smallbatch.bench.measure;

import dev.smallbatch.core.spi.Kernels;
import java.util.Locale;

/**
 * What the machine can do at most, with the threads of a backend.
 *
 * @param flopsPerSecond multiply-adds between registers, each of which counts as two operations
 * @param bytesPerSecond read, or read and written, in memory that no cache holds
 */
public record Roofline(double flopsPerSecond, double bytesPerSecond) {
    private static final int WINDOWS = 10;
    private static final long BUFFER = 256L << 20;
    private static final Timings.AtLeast PASSES = new Timings.AtLeast(8, 0.5);

    /** Takes three seconds. */
    public static Roofline measure(Kernels kernels, int threads) {
        double reading = Bandwidth.measure(kernels, BUFFER, PASSES).best();
        return new Roofline(peak(threads), Math.max(reading, Bandwidth.ofAxpy(kernels, BUFFER, PASSES)));
    }

    /** Floating-point operations per second of that many threads, the best of several short times. */
    public static double peak(int threads) {
        return PeakFma.flopsPerSecond(threads, WINDOWS);
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

    /** For example {@code 420 GFLOP/s, 45.1 GB/s}. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.0f GFLOP/s, %.1f GB/s", 1e-9 * flopsPerSecond, 1e-9 * bytesPerSecond);
    }
}
