package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.tensor.Shape;
import java.util.function.Consumer;

/** Affine map {@code x weight^T + bias}. Weights are stored (out, in), here and everywhere. */
public final class Linear implements Layer {
    private final Parameter weight;
    private final Parameter bias;

    /**
     * @param factory of this layer's path
     * @param in size of the last axis of the input
     * @param out size of the last axis of the output
     * @param init first values of the weight
     * @param biased whether there is a bias, which starts at zero
     */
    public Linear(ParameterFactory factory, int in, int out, Init init, boolean biased) {
        this(factory, in, out, Shape.of(out, in), init, biased);
    }

    /**
     * Several maps in one weight.
     *
     * @param factory of this layer's path
     * @param in size of the last axis of the input
     * @param out size of the last axis of the output
     * @param block (out, in) of each map, which optimizers see
     * @param init first values of the weight
     * @param biased whether there is a bias, which starts at zero
     */
    public Linear(ParameterFactory factory, int in, int out, Shape block, Init init, boolean biased) {
        weight = factory.create("weight", Shape.of(out, in), Role.MATRIX, block, init);
        bias = biased ? factory.create("bias", Shape.of(out), Role.VECTOR, new Init.Zeros()) : null;
    }

    /** (..., in) to (..., out). */
    public Var forward(Ops ops, Var x) {
        return ops.linear(x, weight, bias);
    }

    /** {@link #forward} of {@code x / sqrt(mean(x^2) + eps)}. */
    public Var ofNormalized(Ops ops, Var x, float eps) {
        return ops.normalizedLinear(x, eps, weight, bias);
    }

    /** {@code residual} plus {@link #forward}. */
    public Var addTo(Ops ops, Var residual, Var x) {
        return ops.linearAdd(residual, x, weight, bias);
    }

    /** {@code residual} plus {@link #forward} of {@code f(x)}. */
    public Var addActivatedTo(Ops ops, Var residual, Var x, Activation f) {
        return ops.activatedLinearAdd(residual, x, f, weight, bias);
    }

    @Override
    public void parameters(Consumer<Parameter> visitor) {
        visitor.accept(weight);
        if (bias != null) {
            visitor.accept(bias);
        }
    }
}
