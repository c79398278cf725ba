package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Kernels;

/** The CPU through the Vector API; owns its threads and their scratch memory. */
final class VectorBackend implements Backend {
    private final Parallel parallel;
    private final WeightBlocks weights;
    private final VectorQuantizedUpdate quantized;
    private final Kernels kernels;

    VectorBackend(BackendOptions options) {
        parallel = Parallel.of(options.threads());
        weights = new WeightBlocks(parallel);
        quantized = new VectorQuantizedUpdate(parallel, weights);
        VectorElementwise elementwise = new VectorElementwise(parallel, weights);
        kernels = new Kernels(new VectorMatmul(parallel), new VectorNorm(parallel),
                new VectorActivation(parallel), new VectorAttention(parallel),
                new VectorEmbedding(parallel), new VectorLoss(parallel),
                elementwise, new VectorUpdate(parallel, weights, elementwise), quantized);
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
        weights.close();
        quantized.close();
    }
}
