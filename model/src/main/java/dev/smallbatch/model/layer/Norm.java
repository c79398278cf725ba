package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.tensor.Shape;
import java.util.function.Consumer;

/** Normalization of the last axis, of either kind. */
public final class Norm implements Layer {
    /** Added to the mean square under the root of {@link Kind#RMS}, and of the norm of queries and keys. */
    static final float RMS_EPSILON = 1e-6f;

    private static final float LAYER_EPSILON = 1e-5f;

    private final Parameter weight;
    private final Parameter bias;

    /** The two normalizations of language models. */
    public enum Kind {
        /** {@code x / sqrt(mean(x^2) + 1e-6)}, without parameters. */
        RMS,
        /** {@code (x - mean) / sqrt(variance + 1e-5) * weight + bias}. */
        LAYER
    }

    /**
     * @param factory of this layer's path
     * @param kind which normalization
     * @param dim size of the last axis
     */
    public Norm(ParameterFactory factory, Kind kind, int dim) {
        boolean affine = kind == Kind.LAYER;
        weight = affine ? factory.create("weight", Shape.of(dim), Role.VECTOR, new Init.Ones()) : null;
        bias = affine ? factory.create("bias", Shape.of(dim), Role.VECTOR, new Init.Zeros()) : null;
    }

    /** (..., dim) to (..., dim). */
    public Var forward(Ops ops, Var x) {
        return weight == null ? ops.rmsNorm(x, null, RMS_EPSILON) : ops.layerNorm(x, weight, bias, LAYER_EPSILON);
    }

    /** {@code next} of {@link #forward}; what lies between is kept only if it has parameters. */
    public Var into(Ops ops, Var x, Linear next) {
        return weight == null ? next.ofNormalized(ops, x, RMS_EPSILON) : next.forward(ops, forward(ops, x));
    }

    @Override
    public void parameters(Consumer<Parameter> visitor) {
        if (weight != null) {
            visitor.accept(weight);
            visitor.accept(bias);
        }
    }
}
