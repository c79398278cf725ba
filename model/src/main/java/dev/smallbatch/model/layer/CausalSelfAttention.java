package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.Shape;
import java.util.function.Consumer;

/**
 * Causal multi-head self-attention: one product makes queries, keys and values, another mixes the heads' results. To optimizers
 * each head's queries, keys, values and results have a matrix of their own.
 */
public final class CausalSelfAttention implements Layer {
    private final Linear qkv;
    private final Linear out;
    private final Options options;
    private final int layer;

    /**
     * What all blocks of a model have in common.
     *
     * @param dim width of the model, {@code heads * headSize}
     * @param heads number of heads
     * @param qkNorm whether each query and key head is RMS-normalized, before it is rotated
     * @param rope rotary positions; null for none
     * @param biased whether the two products have biases
     * @param qkvInit first values of the (3 dim, dim) product
     * @param outInit first values of the (dim, dim) product
     */
    public record Options(int dim, int heads, boolean qkNorm, Rope rope, boolean biased, Init qkvInit, Init outInit) {}

    /**
     * @param factory of this layer's path
     * @param options sizes and variants
     * @param layer number of the block, from 0, which the context is told
     */
    public CausalSelfAttention(ParameterFactory factory, Options options, int layer) {
        int dim = options.dim();
        int head = dim / options.heads();
        this.qkv = new Linear(factory.sub("qkv"), dim, 3 * dim, Shape.of(head, dim), options.qkvInit(), options.biased());
        this.out = new Linear(factory.sub("out"), dim, dim, Shape.of(dim, head), options.outInit(), options.biased());
        this.options = options;
        this.layer = layer;
    }

    /** {@code x} plus what its tokens, normalized, tell each other, (B, T, dim). */
    public Var addTo(Ops ops, Var x, Norm norm, AttentionContext context) {
        AttentionSpec spec = spec(x.value().shape());
        Var heads = placed(ops, norm.into(ops, x, qkv), spec, context.start());
        return out.addTo(ops, x, context.attend(ops, layer, heads, spec));
    }

    private Var placed(Ops ops, Var heads, AttentionSpec spec, int start) {
        if (options.rope() != null) {
            return options.rope().forward(ops, heads, spec, start, options.qkNorm());
        }
        return options.qkNorm() ? ops.qkNorm(heads, spec, Norm.RMS_EPSILON) : heads;
    }

    private AttentionSpec spec(Shape shape) {
        int heads = options.heads();
        int batch = Math.toIntExact(shape.dim(0));
        return new AttentionSpec(batch, Math.toIntExact(shape.dim(1)), heads, heads, options.dim() / heads);
    }

    @Override
    public void parameters(Consumer<Parameter> visitor) {
        qkv.parameters(visitor);
        out.parameters(visitor);
    }
}
