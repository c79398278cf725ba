package dev.smallbatch.core.spi;

/**
 * What a back end is, for logs.
 *
 * @param name as in {@link BackendProvider#name}
 * @param detail lanes, device and the like, for example {@code 16 x f32, fma}
 * @param threads threads that compute
 * @param computes false for the back end that only plans memory
 */
public record BackendInfo(String name, String detail, int threads, boolean computes) {
    /** For example {@code vector: 16 x f32, fma, 2 threads}. */
    @Override
    public String toString() {
        return name + ": " + detail + ", " + threads + (threads == 1 ? " thread" : " threads");
    }
}
