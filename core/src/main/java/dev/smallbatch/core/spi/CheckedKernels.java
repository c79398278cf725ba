package dev.smallbatch.core.spi;

/**
 * Argument checks for all back ends, once: each family checks that tensors are there, alive, of the right type and shape,
 * and that outputs overlap nothing but what the contract allows, then delegates.
 */
final class CheckedKernels {
    private CheckedKernels() {}

    static Kernels of(Kernels kernels) {
        return new Kernels(new CheckedMatmul(kernels.matmul()), new CheckedNorm(kernels.norm()),
                new CheckedActivation(kernels.activation()), new CheckedAttention(kernels.attention()),
                new CheckedEmbedding(kernels.embedding()), new CheckedLoss(kernels.loss()),
                new CheckedElementwise(kernels.elementwise()), new CheckedUpdate(kernels.update()),
                new CheckedQuantizedUpdate(kernels.quantized()));
    }
}
