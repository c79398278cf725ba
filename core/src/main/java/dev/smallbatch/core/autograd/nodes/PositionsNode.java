package dev.smallbatch.core.autograd.nodes;

import dev.smallbatch.core.autograd.Gradients;
import dev.smallbatch.core.autograd.Node;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** Learned positions, added to what is no longer a look-up. */
public record PositionsNode(Var out, Var x, Parameter positions) implements Node {
    /** {@code out[b, t] = x[b, t] + positions[t]}. */
    public static Var forward(Tape tape, Var x, Parameter positions) {
        Shape shape = x.value().shape();
        Tensor out = tape.allocate(shape);
        Tensor rows = tape.use(positions).rows(0, shape.dim(1));
        for (long b = 0; b < shape.dim(0); b++) {
            tape.kernels().elementwise().convert(sequence(out, b), rows, Rounding.NEAREST_EVEN, 0);
            tape.kernels().elementwise().axpy(sequence(out, b), 1, sequence(x.value(), b));
        }
        return tape.record(new PositionsNode(tape.result(out), x, positions));
    }

    /** {@code dx = dout}, {@code dpositions[t] = sum over b of dout[b, t]}. */
    @Override
    public void backward(Gradients gradients, Kernels kernels) {
        Tensor dout = gradients.of(out);
        gradients.pass(x, out);
        gradients.add(positions, dpositions -> {
            Tensor rows = dpositions.rows(0, dout.shape().dim(1));
            for (long b = 0; b < dout.shape().dim(0); b++) {
                kernels.elementwise().axpy(rows, 1, sequence(dout, b));
            }
        });
    }

    private static Tensor sequence(Tensor x, long b) {
        return x.rows(b, b + 1).reshape(Shape.of(x.shape().dim(1), x.shape().dim(2)));
    }
}
