package dev.smallbatch.bench.example;

import dev.smallbatch.core.spi.ActivationKernels;
import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.EmbeddingKernels;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.NormKernels;
import dev.smallbatch.core.spi.UpdateKernels;

/** A backend in its first week: one family is its own, the others are still those of the scalar backend. */
final class ExampleBackend implements Backend, Kernels {
    private final Backend scalar;
    private final ElementwiseKernels elementwise;

    ExampleBackend(BackendOptions options) {
        scalar = Backends.open("scalar", options);
        elementwise = new ExampleElementwise(scalar.kernels().elementwise());
    }

    @Override
    public BackendInfo info() {
        return new BackendInfo("example", "elementwise, the rest scalar", scalar.info().threads(), true);
    }

    @Override
    public Kernels kernels() {
        return this;
    }

    @Override
    public ElementwiseKernels elementwise() {
        return elementwise;
    }

    @Override
    public MatmulKernels matmul() {
        return scalar.kernels().matmul();
    }

    @Override
    public NormKernels norm() {
        return scalar.kernels().norm();
    }

    @Override
    public ActivationKernels activation() {
        return scalar.kernels().activation();
    }

    @Override
    public AttentionKernels attention() {
        return scalar.kernels().attention();
    }

    @Override
    public EmbeddingKernels embedding() {
        return scalar.kernels().embedding();
    }

    @Override
    public LossKernels loss() {
        return scalar.kernels().loss();
    }

    @Override
    public UpdateKernels update() {
        return scalar.kernels().update();
    }

    @Override
    public void close() {
        scalar.close();
    }
}
