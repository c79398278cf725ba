package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** Root-mean-square normalization. */
public record RmsNormNode(Var out, Var x, Parameter weight, Tensor rstd) implements Node {
    /** {@code out = x rstd weight}. */
    public static Var forward(Tape tape, Var x, Parameter weight, float eps) {
        Tensor out = tape.allocate(x.value().shape());
        Tensor rstd = tape.allocate(Shape.of(x.value().shape().rows()));
        tape.kernels().norm().rmsNorm(out, rstd, x.value(), tape.use(weight), eps);
        return tape.record(new RmsNormNode(tape.result(out), x, weight, rstd));
    }

    /** Input and weight gradients come from one kernel; without a weight only the input's is made. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        if (weight == null) {
            gradients.add(x, dx -> kernels.norm().rmsNormBackward(dx, null, dout, x.value(), null, rstd));
        } else {
            gradients.add(weight, dweight -> gradients.add(x, dx ->
                    kernels.norm().rmsNormBackward(dx, dweight, dout, x.value(), weight.value(), rstd)));
        }
    }
}
