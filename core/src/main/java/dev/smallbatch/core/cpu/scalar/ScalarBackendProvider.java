package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.spi.Availability;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.BackendProvider;

/** Offers the scalar back end, which works everywhere. */
public final class ScalarBackendProvider implements BackendProvider {
    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public int priority() {
        return 10;
    }

    @Override
    public Availability probe() {
        return new Availability(true, "available");
    }

    @Override
    public Backend open(BackendOptions options) {
        return new ScalarBackend(options);
    }
}
