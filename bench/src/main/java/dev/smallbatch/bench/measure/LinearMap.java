package dev.smallbatch.bench.measure;

import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.List;
import java.util.function.Consumer;

/**
 * A linear map of a decoder, as a training step at batch size 1 meets it.
 *
 * @param name QKV, OUT, UP, DOWN or HEAD
 * @param time T, rows of its input
 * @param fanIn columns of its input
 * @param fanOut columns of its output
 */
public record LinearMap(String name, int time, int fanIn, int fanOut) {
    /**
     * One of the three matrix products: {@code out (M, N)}, sums over K.
     *
     * @param pass forward, dX or dW
     * @param call computes it
     */
    public record Product(String pass, long m, long n, long k, Consumer<MatmulKernels> call) {
        /** Two floating-point operations for each term. */
        public double flops() {
            return 2.0 * m * n * k;
        }
    }

    /** Those of a block and the head. */
    public static List<LinearMap> of(GptConfig config) {
        int time = config.seqLen();
        int dim = config.dim();
        return List.of(new LinearMap("QKV", time, dim, 3 * dim), new LinearMap("OUT", time, dim, dim),
                new LinearMap("UP", time, dim, config.mlpDim()), new LinearMap("DOWN", time, config.mlpDim(), dim),
                new LinearMap("HEAD", time, dim, config.vocabularySize()));
    }

    /** {@code y = x weight^T} and both of its gradients, on operands of their own. */
    public List<Product> products(Operands operands) {
        Tensor x = operands.uniform(time, fanIn);
        Tensor weight = operands.uniform(fanOut, fanIn);
        Tensor y = operands.uniform(time, fanOut);
        Tensor dx = operands.uniform(time, fanIn);
        Tensor dweight = operands.uniform(fanOut, fanIn);
        return List.of(
                new Product("forward", time, fanOut, fanIn, kernels -> kernels.linear(y, x, weight, null)),
                new Product("dX", time, fanIn, fanOut,
                        kernels -> kernels.matmul(dx, y, Transpose.NO, weight, Transpose.NO, 1, 0)),
                new Product("dW", fanOut, fanIn, time,
                        kernels -> kernels.matmul(dweight, y, Transpose.YES, x, Transpose.NO, 1, 0)));
    }
}
