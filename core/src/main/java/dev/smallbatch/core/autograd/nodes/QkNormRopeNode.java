package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * {@link QkNormNode} and {@link RopeNode} in the memory of their input: backward finds what lies between them by turning the
 * result back.
 */
public record QkNormRopeNode(Var out, Var qkv, Tensor rstd, Tensor cos, Tensor sin, AttentionSpec spec) implements Node {
    /** Normalizes query and key heads, then rotates them; values are copied. */
    public static Var forward(Tape tape, Var qkv, Tensor cos, Tensor sin, AttentionSpec spec, float eps) {
        Tensor out = qkv.value();
        Tensor rstd = tape.allocate(Shape.of(spec.batch(), spec.time(), spec.heads() + spec.kvHeads()));
        tape.kernels().norm().qkNorm(out, rstd, out, spec, eps);
        tape.kernels().attention().rope(out, out, cos, sin, spec, false);
        return tape.record(new QkNormRopeNode(tape.result(out), qkv, rstd, cos, sin, spec));
    }

    /** The inverse rotation of the gradient and of the heads, then per head as {@link RmsNormNode}. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        Tensor heads = out.value();
        kernels.attention().rope(heads, heads, cos, sin, spec, true);
        gradients.writeInPlace(qkv, out, dx -> {
            kernels.attention().rope(dx, dout, cos, sin, spec, true);
            kernels.norm().qkNormBackward(dx, dx, heads, rstd, spec);
        });
    }
}
