package dev.smallbatch.core.spi;

/**
 * How to open a back end.
 *
 * @param threads threads that compute, the caller included; at least 1
 */
public record BackendOptions(int threads) {
    public BackendOptions {
        if (threads < 1) {
            throw new IllegalArgumentException("backend options: " + threads + " threads; at least 1");
        }
    }

    /** As many threads as {@code -Dsmallbatch.threads} says, else as the JVM has processors. */
    public static BackendOptions defaults() {
        return new BackendOptions(Integer.getInteger("smallbatch.threads", Runtime.getRuntime().availableProcessors()));
    }
}
