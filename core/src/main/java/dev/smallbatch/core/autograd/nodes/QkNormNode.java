package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** Normalization of query and key heads, in their own memory: backward needs what comes out. */
public record QkNormNode(Var out, Var qkv, Tensor rstd, AttentionSpec spec) implements Node {
    /** {@code out_s = x_s rstd} for every query and key head; values are copied. */
    public static Var forward(Tape tape, Var qkv, AttentionSpec spec, float eps) {
        Tensor out = qkv.value();
        Tensor rstd = tape.allocate(Shape.of(spec.batch(), spec.time(), spec.heads() + spec.kvHeads()));
        tape.kernels().norm().qkNorm(out, rstd, out, spec, eps);
        return tape.record(new QkNormNode(tape.result(out), qkv, rstd, spec));
    }

    /** Per head as {@link RmsNormNode}. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        gradients.writeInPlace(qkv, out, dx -> kernels.norm().qkNormBackward(dx, dout, out.value(), rstd, spec));
    }
}
