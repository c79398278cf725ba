package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** Table look-up, with optional learned positions. */
public record EmbeddingNode(Var out, Tensor tokens, Parameter table, Parameter positions) implements Node {
    /** {@code out[b, t] = table[tokens[b, t]] + positions[t]}. */
    public static Var forward(Tape tape, Tensor tokens, Parameter table, Parameter positions) {
        Shape ids = tokens.shape();
        Tensor out = tape.allocate(Shape.of(ids.dim(0), ids.dim(1), table.value().shape().dim(1)));
        tape.kernels().embedding().embed(out, tokens, tape.use(table), tape.use(positions));
        return tape.record(new EmbeddingNode(tape.result(out), tokens, table, positions));
    }

    /** Adds each row of dout to its token's row, and to its position's. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        if (positions == null) {
            gradients.add(table, dtable -> kernels.embedding().embedBackward(dtable, null, dout, tokens));
        } else {
            gradients.add(table, dtable -> gradients.add(positions, dpositions ->
                    kernels.embedding().embedBackward(dtable, dpositions, dout, tokens)));
        }
    }
}
