package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.ActivationKernels;
import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.EmbeddingKernels;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.NormKernels;
import dev.smallbatch.core.spi.UpdateKernels;

/** The CPU through the Vector API; owns its threads. */
final class VectorBackend implements Backend, Kernels {
    private final Parallel parallel;
    private final VectorMatmul matmul;
    private final VectorNorm norm;
    private final VectorActivation activation;
    private final VectorAttention attention;
    private final VectorEmbedding embedding;
    private final VectorLoss loss;
    private final VectorElementwise elementwise;
    private final VectorUpdate update;

    VectorBackend(BackendOptions options) {
        parallel = Parallel.of(options.threads());
        matmul = new VectorMatmul(parallel);
        norm = new VectorNorm(parallel);
        activation = new VectorActivation(parallel);
        attention = new VectorAttention(parallel);
        embedding = new VectorEmbedding(parallel);
        loss = new VectorLoss(parallel);
        elementwise = new VectorElementwise(parallel);
        update = new VectorUpdate(parallel);
    }

    @Override
    public BackendInfo info() {
        return new BackendInfo("vector", Lanes.COUNT + " x f32, fma", parallel.threads(), true);
    }

    @Override
    public Kernels kernels() {
        return this;
    }

    @Override
    public MatmulKernels matmul() {
        return matmul;
    }

    @Override
    public NormKernels norm() {
        return norm;
    }

    @Override
    public ActivationKernels activation() {
        return activation;
    }

    @Override
    public AttentionKernels attention() {
        return attention;
    }

    @Override
    public EmbeddingKernels embedding() {
        return embedding;
    }

    @Override
    public LossKernels loss() {
        return loss;
    }

    @Override
    public ElementwiseKernels elementwise() {
        return elementwise;
    }

    @Override
    public UpdateKernels update() {
        return update;
    }

    @Override
    public void close() {
        parallel.close();
    }
}
