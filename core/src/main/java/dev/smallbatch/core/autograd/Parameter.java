package dev.smallbatch.core.autograd;

import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.Objects;

/**
 * A named trainable tensor. It has no gradient field: gradients go from the tape to a {@link GradientSink}.
 */
public final class Parameter {
    private final String name;
    private final Tensor value;
    private final Role role;
    private final Shape block;

    /**
     * One matrix, or a vector.
     *
     * @param name dotted path, unique in a model, for example {@code h.3.attn.qkv.weight}
     * @param value the weights, owned by their region
     * @param role what optimizers group by
     */
    public Parameter(String name, Tensor value, Role role) {
        this(name, value, role, Shape.of(value.shape().rows(), value.shape().cols()));
    }

    /**
     * Several matrices in one, for example one for each attention head: a grid of blocks, to optimizers that treat matrices
     * as a whole.
     *
     * @param name dotted path, unique in a model, for example {@code h.3.attn.qkv.weight}
     * @param value the weights, owned by their region
     * @param role what optimizers group by
     * @param block rows and columns of each matrix, which divide those of the value
     */
    public Parameter(String name, Tensor value, Role role, Shape block) {
        this.name = Objects.requireNonNull(name);
        this.value = Objects.requireNonNull(value);
        this.role = Objects.requireNonNull(role);
        this.block = block;
        Shape shape = value.shape();
        boolean divides = shape.numel() == 0 || block.rank() == 2 && block.numel() > 0 && shape.rows() % block.rows() == 0
                && shape.cols() % block.cols() == 0;
        if (!divides) {
            throw new ShapeException("parameter " + name + ": " + shape + " is no grid of blocks " + block);
        }
    }

    public String name() {
        return name;
    }

    public Tensor value() {
        return value;
    }

    public Role role() {
        return role;
    }

    /** Rows and columns of the matrices that the value is a grid of; all of it, if it is one. */
    public Shape block() {
        return block;
    }

    @Override
    public String toString() {
        return name + " " + value;
    }
}
