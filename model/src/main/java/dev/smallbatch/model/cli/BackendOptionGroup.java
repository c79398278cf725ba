package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.model.run.TrainingOptions;
import picocli.CommandLine.Option;

/** What computes, and with how many threads: options that several commands share. */
public final class BackendOptionGroup {
    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute (default: one per processor).")
    Integer threads;

    @Option(names = "--backend", paramLabel = "NAME", defaultValue = "auto",
            description = "auto, vector or scalar (default: ${DEFAULT-VALUE}, the fastest that works here).")
    String backend;

    /** Opens it; the caller closes it. */
    public Backend open() {
        TrainingOptions.requireComputing(backend, threads);
        return Backends.open(backend, threads == null ? BackendOptions.defaults() : new BackendOptions(threads));
    }
}
