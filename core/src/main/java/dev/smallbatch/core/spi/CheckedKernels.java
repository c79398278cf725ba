package dev.smallbatch.core.spi;

/** Argument checks for all back ends. */
final class CheckedKernels implements Kernels {
    private final Kernels kernels;

    CheckedKernels(Kernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public MatmulKernels matmul() {
        return kernels.matmul();
    }

    @Override
    public NormKernels norm() {
        return kernels.norm();
    }

    @Override
    public ActivationKernels activation() {
        return kernels.activation();
    }

    @Override
    public AttentionKernels attention() {
        return kernels.attention();
    }

    @Override
    public EmbeddingKernels embedding() {
        return kernels.embedding();
    }

    @Override
    public LossKernels loss() {
        return kernels.loss();
    }

    @Override
    public ElementwiseKernels elementwise() {
        return kernels.elementwise();
    }

    @Override
    public UpdateKernels update() {
        return kernels.update();
    }
}
