package dev.smallbatch.core.cpu.none;

import dev.smallbatch.core.spi.Availability;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.BackendProvider;

/** Offers the back end that computes nothing, to those who ask for it by name. */
public final class NullBackendProvider implements BackendProvider {
    @Override
    public String name() {
        return "none";
    }

    @Override
    public int priority() {
        return -1;
    }

    @Override
    public Availability probe() {
        return new Availability(true, "plans memory, computes nothing");
    }

    @Override
    public Backend open(BackendOptions options) {
        return new NullBackend();
    }
}
