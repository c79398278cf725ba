package dev.smallbatch.core.spi;

/**
 * The operations of a back end, by family.
 *
 * <p>Contract of every kernel method. It returns nothing; outputs come first, then saved statistics, then inputs,
 * parameters, sizes and scalars. <em>Written</em> outputs are overwritten without being read; <em>accumulated</em>
 * outputs are added to. Inputs do not change. An output overlaps no input and no other output unless the method says
 * "may be". No native memory is allocated and no tensor is kept after the call. Tensors are F32 unless stated
 * otherwise; where BF16 is allowed, it is widened as it is read, and the arithmetic is the same. NaN and infinity
 * propagate. The bits of the result depend on the arguments alone, never on the number of threads. Dimensions: B batch,
 * T time, C channels, H heads, D head size, V vocabulary, N rows, M N K of a product.
 *
 * @param matmul matrix products
 * @param norm normalizations
 * @param activation nonlinearities
 * @param attention attention and rotary embedding
 * @param embedding look-ups in tables
 * @param loss losses with their gradients
 * @param elementwise everything element by element
 * @param update optimizer updates
 * @param quantized optimizer updates with state in 8 bits
 */
public record Kernels(MatmulKernels matmul, NormKernels norm, ActivationKernels activation, AttentionKernels attention,
        EmbeddingKernels embedding, LossKernels loss, ElementwiseKernels elementwise, UpdateKernels update,
        QuantizedUpdateKernels quantized) {}
