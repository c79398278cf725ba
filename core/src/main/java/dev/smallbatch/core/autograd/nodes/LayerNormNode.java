package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** Layer normalization. */
public record LayerNormNode(Var out, Var x, Parameter weight, Parameter bias, Tensor mean, Tensor rstd) implements Node {
    /** {@code out = (x - mean) rstd weight + bias}. */
    public static Var forward(Tape tape, Var x, Parameter weight, Parameter bias, float eps) {
        Tensor out = tape.allocate(x.value().shape());
        Tensor mean = tape.allocate(Shape.of(x.value().shape().rows()));
        Tensor rstd = tape.allocate(Shape.of(x.value().shape().rows()));
        tape.kernels().norm().layerNorm(out, mean, rstd, x.value(), tape.use(weight), tape.use(bias), eps);
        return tape.record(new LayerNormNode(tape.result(out), x, weight, bias, mean, rstd));
    }

    /** All three gradients come from one kernel. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        gradients.add(weight, dweight -> gradients.add(bias, dbias -> gradients.add(x, dx ->
                kernels.norm().layerNormBackward(dx, dweight, dbias, dout, x.value(), weight.value(), mean, rstd))));
    }
}
