package dev.smallbatch.core.autograd;

import dev.smallbatch.core.spi.Kernels;
import java.util.function.UnaryOperator;

/** A part of a model of which only input and output were kept; backward runs it again and goes back through that. */
record CheckpointNode(Var out, Var x, UnaryOperator<Var> part, Tape tape) implements Node {
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        tape.rerun(this);
    }
}
