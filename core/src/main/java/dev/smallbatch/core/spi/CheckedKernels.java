package dev.smallbatch.core.spi;

/**
 * Argument checks for all back ends, once: each family checks that tensors are there, alive, of the right type and shape,
 * and that outputs overlap nothing but what the contract allows, then delegates.
 */
final class CheckedKernels implements Kernels {
    private final MatmulKernels matmul;
    private final NormKernels norm;
    private final ActivationKernels activation;
    private final AttentionKernels attention;
    private final EmbeddingKernels embedding;
    private final LossKernels loss;
    private final ElementwiseKernels elementwise;
    private final UpdateKernels update;

    CheckedKernels(Kernels kernels) {
        matmul = new CheckedMatmul(kernels.matmul());
        norm = new CheckedNorm(kernels.norm());
        activation = new CheckedActivation(kernels.activation());
        attention = new CheckedAttention(kernels.attention());
        embedding = new CheckedEmbedding(kernels.embedding());
        loss = new CheckedLoss(kernels.loss());
        elementwise = new CheckedElementwise(kernels.elementwise());
        update = new CheckedUpdate(kernels.update());
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
