package dev.smallbatch.model.gpt;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.layer.AttentionContext;
import dev.smallbatch.model.layer.Block;
import dev.smallbatch.model.layer.CausalSelfAttention;
import dev.smallbatch.model.layer.Embedding;
import dev.smallbatch.model.layer.Layer;
import dev.smallbatch.model.layer.Mlp;
import dev.smallbatch.model.layer.Norm;
import dev.smallbatch.model.layer.ParameterFactory;
import dev.smallbatch.model.layer.Rope;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.LossModel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A decoder-only transformer. Its parameters, with D dim, L layers, H head size, V vocabulary, T longest sequence:
 *
 * <pre>
 * name                  shape     PAPER starts in                   GPT2 starts with
 * embed.weight          (V, D)    normal, 1 / sqrt(D)               normal, 0.02
 * positions.weight      (T, D)    normal, 1 / sqrt(D)               normal, 0.02             if learned
 * h.i.attn.qkv.weight   (3D, D)   uniform, sqrt(2 / (heads (D+H)))  normal, 0.02             rows: q, k, v heads
 * h.i.attn.out.weight   (D, D)    uniform, sqrt(6 / (D (1+heads)))  normal, 0.02 / sqrt(2L)
 * h.i.mlp.up.weight     (4D, D)   uniform, sqrt(6 / (5D))           normal, 0.02
 * h.i.mlp.down.weight   (D, 4D)   uniform, sqrt(6 / (5D))           normal, 0.02 / sqrt(2L)
 * head.weight           (V, D)    normal, 1 / sqrt(D)               normal, 0.02             unless tied
 * embed.norm.weight     (D)       one                               one                      if stable, embed.norm.bias with it
 * *.bias                (out)     zero                              zero                     if biases, or LayerNorm
 * *norm*.weight         (D)       one                               one                      if LayerNorm
 * </pre>
 *
 * A number is a standard deviation if normal, a bound if uniform; a stable embedding starts uniform in sqrt(6 / (V + D)).
 * Normalizations are {@code h.i.norm1} before attention, {@code h.i.norm2} before the MLP, and {@code norm} before the head.
 * Owns no memory: parameters live in the region they were
 * created in. May be used by several threads, each with its own tape, while no parameter changes.
 *
 * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025</a>
 */
public final class Gpt implements Layer, LossModel {
    private static final AttentionContext WHOLE = new AttentionContext.WholeSequence();

    private final GptConfig config;
    private final Embedding embedding;
    private final List<Block> blocks = new ArrayList<>();
    private final Norm norm;
    private final Parameter head;

    /**
     * @param config the architecture
     * @param factory creates the parameters
     */
    public Gpt(GptConfig config, ParameterFactory factory) {
        this.config = config;
        int dim = config.dim();
        boolean biases = config.biases();
        boolean rotary = config.positions() == GptConfig.Positions.ROPE;
        GptInit init = GptInit.of(config);

        Init positions = rotary ? null : init.positions();
        Rope rope = rotary ? new Rope(factory, config.seqLen(), config.headSize()) : null;
        var attention = new CausalSelfAttention.Options(
                dim, config.heads(), config.qkNorm(), rope, biases, init.qkv(), init.attentionOut());
        var mlp = new Mlp.Options(dim, config.mlpDim(), config.activation(), biases, init.up(), init.down());

        embedding = new Embedding(factory, config.vocabularySize(), config.seqLen(), dim, config.tiedHead(), init.embed(),
                positions, config.stableEmbedding());
        for (int i = 0; i < config.layers(); i++) {
            blocks.add(new Block(factory.sub("h").sub(Integer.toString(i)), i, config.norm(), attention, mlp));
        }
        norm = new Norm(factory.sub("norm"), config.norm(), dim);
        head = config.tiedHead() ? embedding.table()
                : factory.sub("head").create("weight", Shape.of(config.vocabularySize(), dim), Role.HEAD, init.head());
    }

    /** A model with fresh F32 weights, which depend on {@code seed} alone, in a region of {@link #parameterBytes}. */
    public static Gpt initialized(GptConfig config, Region parameters, long seed) {
        return initialized(config, parameters, seed, DType.F32);
    }

    /**
     * A model with fresh weights, which depend on {@code seed} alone, in a region of {@link #parameterBytes}.
     *
     * @param dtype of matrices and tables: F32, or BF16 for the same numbers rounded to nearest; vectors are F32
     */
    public static Gpt initialized(GptConfig config, Region parameters, long seed, DType dtype) {
        return new Gpt(config, ParameterFactory.initializing(parameters, dtype, RandomKey.of(seed).fork("init")));
    }

    /** A model without memory: names and shapes alone. */
    public static Gpt planned(GptConfig config) {
        return planned(config, DType.F32);
    }

    /** A model without memory whose matrices and tables have the given type. */
    public static Gpt planned(GptConfig config, DType dtype) {
        return new Gpt(config, ParameterFactory.uninitialized(Region.counting("plan"), dtype));
    }

    /** Capacity that a region needs for a model's F32 parameters and constant tables. */
    public static long parameterBytes(GptConfig config) {
        return parameterBytes(config, DType.F32);
    }

    /** Capacity that a region needs for a model's parameters, matrices and tables of the given type, and constant tables. */
    public static long parameterBytes(GptConfig config, DType dtype) {
        Region counting = Region.counting("parameters");
        new Gpt(config, ParameterFactory.uninitialized(counting, dtype));
        return counting.used();
    }

    public GptConfig config() {
        return config;
    }

    /** Logits (B, T, V) of the next token after each of {@code tokens}, (B, T) I32. */
    public Var forward(Ops ops, Tensor tokens) {
        return logits(ops, hidden(ops, tokens, WHOLE));
    }

    /**
     * The normalized residual stream (B, T, D) after the last block.
     *
     * @param tokens (B, T) I32, each in [0, V); {@code context.start() + T} is at most the model's longest sequence
     * @param context what attention reads besides these tokens
     */
    public Var hidden(Ops ops, Tensor tokens, AttentionContext context) {
        requireFits(tokens, context.start());
        Var x = embedding.forward(ops, tokens, context.start());
        for (Block block : blocks) {
            x = ops.checkpoint(x, in -> block.forward(ops, in, context));
        }
        return norm.forward(ops, x);
    }

    /** The head: (..., D) to logits (..., V). */
    public Var logits(Ops ops, Var hidden) {
        return ops.linear(hidden, head, null);
    }

    /** The cross entropy of each target, with every logit taking part. */
    @Override
    public Var loss(Ops ops, Batch batch, float scale) {
        Var hidden = hidden(ops, batch.tokens(), WHOLE);
        return ops.linearCrossEntropy(hidden, head, batch.targets(), config.vocabularySize(), scale);
    }

    private void requireFits(Tensor tokens, int start) {
        if (tokens.shape().rank() != 2) {
            throw new IllegalArgumentException("gpt: tokens are " + tokens + ", expected i32 (batch, time)");
        }
        long end = start + tokens.shape().dim(1);
        if (end > config.seqLen()) {
            throw new IllegalArgumentException("gpt: sequence of " + end + " tokens, the model's longest is "
                    + config.seqLen() + "; cut the input, or train a model with a larger seq_len");
        }
    }

    @Override
    public void parameters(Consumer<Parameter> visitor) {
        embedding.parameters(visitor);
        blocks.forEach(block -> block.parameters(visitor));
        norm.parameters(visitor);
        if (!config.tiedHead()) {
            visitor.accept(head);
        }
    }

    /** Every parameter once, in the order of the forward pass. */
    @Override
    public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>();
        parameters(all::add);
        return List.copyOf(all);
    }
}
