package dev.smallbatch.bench.example;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;

/** A backend in its first week: one family is its own, the others are still those of the scalar backend. */
final class ExampleBackend implements Backend {
    private final Backend scalar;
    private final Kernels kernels;

    ExampleBackend(BackendOptions options) {
        scalar = Backends.open("scalar", options);
        Kernels from = scalar.kernels();
        kernels = new Kernels(from.matmul(), from.norm(), from.activation(), from.attention(), from.embedding(), from.loss(),
                new ExampleElementwise(from.elementwise()), from.update(), from.quantized());
    }

    @Override
    public BackendInfo info() {
        return new BackendInfo("example", "elementwise, the rest scalar", scalar.info().threads(), true);
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public void close() {
        scalar.close();
    }
}
