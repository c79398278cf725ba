package dev.smallbatch.core.spi;

/**
 * Whether a back end can be used here.
 *
 * @param usable true if {@link BackendProvider#open} will succeed
 * @param reason what was found, and if unusable what to do about it; one line
 */
public record Availability(boolean usable, String reason) {}
