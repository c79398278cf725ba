package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** {@link RmsNormNode} without a weight and {@link LinearNode} in one, without keeping what lies between them. */
public record NormalizedLinearNode(Var out, Var x, Tensor rstd, float eps, Parameter weight, Parameter bias) implements Node {
    /** {@code out = h weight^T + bias} with {@code h = x rstd}; the leading axes of x are kept. */
    public static Var forward(Tape tape, Var x, float eps, Parameter weight, Parameter bias) {
        long[] dims = x.value().shape().dims();
        dims[dims.length - 1] = weight.value().shape().dim(0);
        Tensor out = tape.allocate(Shape.of(dims));
        Tensor rstd = tape.allocate(Shape.of(x.value().shape().rows()));
        tape.scratch(x.value().shape(), h -> {
            tape.kernels().norm().rmsNorm(h, rstd, x.value(), null, eps);
            tape.kernels().matmul().linear(out, h, tape.use(weight), tape.use(bias));
        });
        return tape.record(new NormalizedLinearNode(tape.result(out), x, rstd, eps, weight, bias));
    }

    /** {@code dh = dout weight}, dx as {@link RmsNormNode}, {@code dweight = dout^T h}, {@code dbias = sum of dout}. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        gradients.scratch(x.value().shape(), buffer -> {
            kernels.matmul().matmul(buffer, dout, Transpose.NO, weight.value(), Transpose.NO, 1, 0);
            gradients.add(x, dx -> kernels.norm().rmsNormBackward(dx, null, buffer, x.value(), null, rstd));
            kernels.norm().rmsNorm(buffer, rstd, x.value(), null, eps);
            gradients.product(weight, (dweight, beta) ->
                    kernels.matmul().matmul(dweight, dout, Transpose.YES, buffer, Transpose.NO, 1, beta));
        });
        if (bias != null) {
            gradients.add(bias, dbias -> kernels.matmul().biasBackward(dbias, dout));
        }
    }
}
