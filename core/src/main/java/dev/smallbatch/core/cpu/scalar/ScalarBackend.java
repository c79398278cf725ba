package dev.smallbatch.core.cpu.scalar;

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

/** The specification as a back end. Owns its threads; its bits depend neither on them nor on the JVM. */
final class ScalarBackend implements Backend, Kernels {
    private final Parallel parallel;
    private final MatmulKernels matmul;
    private final NormKernels norm;
    private final ActivationKernels activation;
    private final AttentionKernels attention;
    private final EmbeddingKernels embedding;
    private final LossKernels loss;
    private final ElementwiseKernels elementwise;
    private final UpdateKernels update;

    ScalarBackend(BackendOptions options) {
        parallel = Parallel.of(options.threads());
        matmul = new ScalarMatmul(parallel);
        norm = new ScalarNorm(parallel);
        activation = new ScalarActivation(parallel);
        attention = new ScalarAttention(parallel);
        embedding = new ScalarEmbedding(parallel);
        loss = new ScalarLoss(parallel);
        elementwise = new ScalarElementwise(parallel);
        update = new ScalarUpdate(parallel);
    }

    @Override
    public BackendInfo info() {
        return new BackendInfo("scalar", "1 x f32, sums in f64", parallel.threads(), true);
    }

    @Override
    public Kernels kernels() {
        return this;
    }

    @Override
    public void close() {
        parallel.close();
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
}
