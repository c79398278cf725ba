package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.spi.Activation;
import java.util.function.Consumer;

/** Two products with a nonlinearity between them: {@code down(f(up(x)))}. */
public final class Mlp implements Layer {
    private final Linear up;
    private final Linear down;
    private final Activation activation;

    /**
     * What all blocks of a model have in common.
     *
     * @param dim width of the model
     * @param hidden width between the products
     * @param activation f
     * @param biased whether the products have biases
     * @param upInit first values of the (hidden, dim) product
     * @param downInit first values of the (dim, hidden) product
     */
    public record Options(int dim, int hidden, Activation activation, boolean biased, Init upInit, Init downInit) {}

    /**
     * @param factory of this layer's path
     * @param options sizes and variants
     */
    public Mlp(ParameterFactory factory, Options options) {
        up = new Linear(factory.sub("up"), options.dim(), options.hidden(), options.upInit(), options.biased());
        down = new Linear(factory.sub("down"), options.hidden(), options.dim(), options.downInit(), options.biased());
        activation = options.activation();
    }

    /** {@code x} plus the result for its norm, (..., dim). */
    public Var addTo(Ops ops, Var x, Norm norm) {
        return down.addActivatedTo(ops, x, norm.into(ops, x, up), activation);
    }

    @Override
    public void parameters(Consumer<Parameter> visitor) {
        up.parameters(visitor);
        down.parameters(visitor);
    }
}
