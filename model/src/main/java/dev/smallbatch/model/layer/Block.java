package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Var;
import java.util.function.Consumer;

/** One pre-norm block of a decoder: attention, then MLP, each normalizing its input and added to the residual stream. */
public final class Block implements Layer {
    private final Norm norm1;
    private final CausalSelfAttention attention;
    private final Norm norm2;
    private final Mlp mlp;

    /**
     * @param factory of this block's path
     * @param layer number of the block, from 0
     * @param norm kind of both normalizations
     * @param attention sizes and variants of the attention
     * @param mlp sizes and variants of the MLP
     */
    public Block(ParameterFactory factory, int layer, Norm.Kind norm, CausalSelfAttention.Options attention,
            Mlp.Options mlp) {
        this.norm1 = new Norm(factory.sub("norm1"), norm, attention.dim());
        this.attention = new CausalSelfAttention(factory.sub("attn"), attention, layer);
        this.norm2 = new Norm(factory.sub("norm2"), norm, mlp.dim());
        this.mlp = new Mlp(factory.sub("mlp"), mlp);
    }

    /** (B, T, dim) to (B, T, dim). */
    public Var forward(Ops ops, Var x, AttentionContext context) {
        return mlp.addTo(ops, attention.addTo(ops, x, norm1, context), norm2);
    }

    @Override
    public void parameters(Consumer<Parameter> visitor) {
        norm1.parameters(visitor);
        attention.parameters(visitor);
        norm2.parameters(visitor);
        mlp.parameters(visitor);
    }
}
