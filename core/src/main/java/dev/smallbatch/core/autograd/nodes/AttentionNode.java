package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Tensor;

/** Causal attention; saves the log-sum-exp of each row, never the probabilities. */
public record AttentionNode(Var out, Var qkv, Tensor lse, AttentionSpec spec) implements Node {
    /** {@code out = softmax(causal(scale q k^T)) v} for every head. */
    public static Var forward(Tape tape, Var qkv, AttentionSpec spec) {
        Tensor out = tape.allocate(spec.outShape());
        Tensor lse = tape.allocate(spec.lseShape());
        tape.kernels().attention().attention(out, lse, qkv.value(), spec);
        return tape.record(new AttentionNode(tape.result(out), qkv, lse, spec));
    }

    /** Recomputes the probabilities block by block. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        gradients.write(qkv, dqkv ->
                kernels.attention().attentionBackward(dqkv, dout, out.value(), lse, qkv.value(), spec));
    }
}
