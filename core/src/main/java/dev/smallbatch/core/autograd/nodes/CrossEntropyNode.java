package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** Softmax cross entropy; its gradient is made in the forward pass, in the memory of the logits. */
public record CrossEntropyNode(Var out, Var logits) implements Node {
    /** {@code losses[n] = log sum exp(logits[n]) - logits[n, targets[n]]}. */
    public static Var forward(Tape tape, Var logits, Tensor targets, int vocabulary, float scale) {
        Tensor losses = tape.allocateLasting(Shape.of(logits.value().shape().rows()));
        tape.crossEntropy(losses, logits.value(), targets, vocabulary, scale, 0);
        return tape.record(new CrossEntropyNode(tape.result(losses), logits));
    }

    /** {@code dlogits = scale (softmax(logits) - onehot(targets))}, computed already. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        gradients.replaced(logits);
    }
}
