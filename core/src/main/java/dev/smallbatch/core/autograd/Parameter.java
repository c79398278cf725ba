package dev.smallbatch.core.autograd;

import dev.smallbatch.core.tensor.Tensor;
import java.util.Objects;

/**
 * A named trainable tensor. It has no gradient field: gradients go from the tape to a {@link GradientSink}.
 */
public final class Parameter {
    private final String name;
    private final Tensor value;
    private final Role role;

    /**
     * @param name dotted path, unique in a model, for example {@code h.3.attn.qkv.weight}
     * @param value the weights, owned by their region
     * @param role what optimizers group by
     */
    public Parameter(String name, Tensor value, Role role) {
        this.name = Objects.requireNonNull(name);
        this.value = Objects.requireNonNull(value);
        this.role = Objects.requireNonNull(role);
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

    @Override
    public String toString() {
        return name + " " + value;
    }
}
