package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Tensor;

/** Rotary position embedding. */
public record RopeNode(Var out, Var qkv, Tensor cos, Tensor sin, AttentionSpec spec) implements Node {
    /** Rotates query and key heads; values are copied. */
    public static Var forward(Tape tape, Var qkv, Tensor cos, Tensor sin, AttentionSpec spec) {
        Tensor out = tape.allocate(qkv.value().shape());
        tape.kernels().attention().rope(out, qkv.value(), cos, sin, spec, false);
        return tape.record(new RopeNode(tape.result(out), qkv, cos, sin, spec));
    }

    /** A rotation's gradient is the inverse rotation. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        gradients.writeInPlace(qkv, out, dx -> kernels.attention().rope(dx, dout, cos, sin, spec, true));
    }
}
