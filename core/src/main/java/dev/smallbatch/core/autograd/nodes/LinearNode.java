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

/** Affine map of rows, with an optional residual that is added to it. */
public record LinearNode(Var out, Var x, Parameter weight, Parameter bias, Var residual) implements Node {
    /** {@code out = x weight^T + bias + residual}; the leading axes of x are kept. */
    public static Var forward(Tape tape, Var x, Parameter weight, Parameter bias, Var residual) {
        long[] dims = x.value().shape().dims();
        dims[dims.length - 1] = weight.value().shape().dim(0);
        Tensor out = tape.allocate(Shape.of(dims));
        tape.kernels().matmul().linear(out, x.value(), tape.use(weight), tape.use(bias));
        if (residual != null) {
            tape.kernels().elementwise().add(out, residual.value(), out);
        }
        return tape.record(new LinearNode(tape.result(out), x, weight, bias, residual));
    }

    /** {@code dresidual = dout}, {@code dx = dout weight}, {@code dweight = dout^T x}, {@code dbias = sum of dout}. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        if (residual != null) {
            gradients.pass(residual, out);
        }
        gradients.product(x, (dx, beta) ->
                kernels.matmul().matmul(dx, dout, Transpose.NO, weight.value(), Transpose.NO, 1, beta));
        gradients.product(weight, (dweight, beta) ->
                kernels.matmul().matmul(dweight, dout, Transpose.YES, x.value(), Transpose.NO, 1, beta));
        if (bias != null) {
            gradients.add(bias, dbias -> kernels.matmul().biasBackward(dbias, dout));
        }
    }
}
