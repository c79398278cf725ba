package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** {@link ActivationNode} and {@link LinearNode} in one, without keeping what lies between them. */
public record ActivatedLinearNode(Var out, Var residual, Var x, Activation kind, Parameter weight, Parameter bias)
        implements Node {
    /** {@code out = residual + f(x) weight^T + bias}; the leading axes of x are kept. */
    public static Var forward(Tape tape, Var residual, Var x, Activation kind, Parameter weight, Parameter bias) {
        long[] dims = x.value().shape().dims();
        dims[dims.length - 1] = weight.value().shape().dim(0);
        Tensor out = tape.allocate(Shape.of(dims));
        tape.scratch(x.value().shape(), activated -> {
            tape.kernels().activation().activate(activated, x.value(), kind);
            tape.kernels().matmul().linear(out, activated, tape.use(weight), tape.use(bias));
        });
        tape.kernels().elementwise().add(out, residual.value(), out);
        return tape.record(new ActivatedLinearNode(tape.result(out), residual, x, kind, weight, bias));
    }

    /** {@code dresidual = dout}, {@code dx = dout weight f'(x)}, {@code dweight = dout^T f(x)}, {@code dbias = sum of dout}. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        gradients.pass(residual, out);
        gradients.write(x, dx -> {
            kernels.matmul().matmul(dx, dout, Transpose.NO, weight.value(), Transpose.NO, 1, 0);
            kernels.activation().activateBackward(dx, dx, x.value(), kind);
        });
        gradients.scratch(x.value().shape(), activated -> {
            kernels.activation().activate(activated, x.value(), kind);
            gradients.product(weight, (dweight, beta) ->
                    kernels.matmul().matmul(dweight, dout, Transpose.YES, activated, Transpose.NO, 1, beta));
        });
        if (bias != null) {
            gradients.add(bias, dbias -> kernels.matmul().biasBackward(dbias, dout));
        }
    }
}
