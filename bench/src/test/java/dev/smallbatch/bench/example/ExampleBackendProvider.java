package dev.smallbatch.bench.example;

import dev.smallbatch.core.spi.Availability;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.BackendProvider;

/** Offers the example of docs/adding-a-backend.md to those who ask for it by name. */
public final class ExampleBackendProvider implements BackendProvider {
    @Override
    public String name() {
        return "example";
    }

    @Override
    public int priority() {
        return -1;
    }

    @Override
    public Availability probe() {
        return new Availability(true, "available");
    }

    @Override
    public Backend open(BackendOptions options) {
        return new ExampleBackend(options);
    }
}
