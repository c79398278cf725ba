package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Tensor;

/** Residual sum. */
public record AddNode(Var out, Var a, Var b) implements Node {
    /** {@code out = a + b}. */
    public static Var forward(Tape tape, Var a, Var b) {
        Tensor out = tape.allocate(a.value().shape());
        tape.kernels().elementwise().add(out, a.value(), b.value());
        return tape.record(new AddNode(tape.result(out), a, b));
    }

    /** {@code da = dout}, {@code db = dout}. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        gradients.pass(a, out);
        gradients.pass(b, out);
    }
}
