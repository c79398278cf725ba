package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Tensor;

/** Pointwise nonlinearity. */
public record ActivationNode(Var out, Var x, Activation kind) implements Node {
    /** {@code out = f(x)}. */
    public static Var forward(Tape tape, Var x, Activation kind) {
        Tensor out = tape.allocate(x.value().shape());
        tape.kernels().activation().activate(out, x.value(), kind);
        return tape.record(new ActivationNode(tape.result(out), x, kind));
    }

    /** {@code dx = dout f'(x)}. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        gradients.writeInPlace(x, out, dx -> kernels.activation().activateBackward(dx, dout, x.value(), kind));
    }
}
