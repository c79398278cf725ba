package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/**
 * The updates of {@link UpdateKernels} with their state in 8 bits, in one pass: the old state is decoded, the formula works in
 * F32, the parameter takes its step from the new state as it is, and only then the new state is encoded. A state is two
 * tensors, codes and the largest magnitude of each block, see {@link Quantization}; a block with NaN is all NaN thereafter.
 * Numbers of a step, rounding and key are those of {@link UpdateKernels}.
 */
public interface QuantizedUpdateKernels {
    /**
     * {@link UpdateKernels#sgdStep} with a moment, by the signed map.
     *
     * <pre>
     * p       any shape         accumulated; F32 or BF16
     * m       as p, U8          accumulated
     * mScale  one per block     accumulated
     * g       as p              read
     * s       ({@link UpdateKernels#MOMENTUM_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void quantizedSgdStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how, Rounding rounding, long key);

    /**
     * {@link UpdateKernels#signStep} with a moment, by the signed map.
     *
     * <pre>
     * p       any shape         accumulated; F32 or BF16
     * m       as p, U8          accumulated
     * mScale  one per block     accumulated
     * g       as p              read
     * s       ({@link UpdateKernels#MOMENTUM_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void quantizedSignStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how, Rounding rounding, long key);

    /**
     * {@link UpdateKernels#rootStep}, by the signed map as in other programs, though v has no sign.
     *
     * <pre>
     * p       any shape         accumulated; F32 or BF16
     * v       as p, U8          accumulated
     * vScale  one per block     accumulated
     * g       as p              read
     * s       ({@link UpdateKernels#ROOT_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void quantizedRootStep(Tensor p, Tensor v, Tensor vScale, Tensor g, Tensor s, Quantization how, Rounding rounding, long key);

    /**
     * {@link UpdateKernels#adamWStep}, m by the signed map and v by the unsigned one.
     *
     * <pre>
     * p       any shape         accumulated; F32 or BF16
     * m       as p, U8          accumulated
     * mScale  one per block     accumulated
     * v       as p, U8          accumulated
     * vScale  one per block     accumulated
     * g       as p              read
     * s       ({@link UpdateKernels#ADAMW_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void quantizedAdamWStep(Tensor p, Tensor m, Tensor mScale, Tensor v, Tensor vScale, Tensor g, Tensor s, Quantization how,
            Rounding rounding, long key);
}
