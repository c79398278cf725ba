package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Kernels;

/** The CPU through the Vector API; owns its threads. */
final class VectorBackend implements Backend {
    private final Parallel parallel;
    private final Kernels kernels;

    VectorBackend(BackendOptions options) {
        parallel = Parallel.of(options.threads());
        kernels = new Kernels(new VectorMatmul(parallel), new VectorNorm(parallel),
                new VectorActivation(parallel), new VectorAttention(parallel),
                new VectorEmbedding(parallel), new VectorLoss(parallel),
                new VectorElementwise(parallel), new VectorUpdate(parallel));
    }

    @Override
    public BackendInfo info() {
        return new BackendInfo("vector", VectorSelfTest.width(), parallel.threads(), true);
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public void close() {
        parallel.close();
    }
}
