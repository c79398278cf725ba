package dev.smallbatch.core.autograd;

import dev.smallbatch.core.autograd.nodes.ActivatedLinearNode;
import dev.smallbatch.core.autograd.nodes.ActivationNode;
import dev.smallbatch.core.autograd.nodes.AddNode;
import dev.smallbatch.core.autograd.nodes.AttentionNode;
import dev.smallbatch.core.autograd.nodes.CrossEntropyNode;
import dev.smallbatch.core.autograd.nodes.EmbeddingNode;
import dev.smallbatch.core.autograd.nodes.LayerNormNode;
import dev.smallbatch.core.autograd.nodes.LinearCrossEntropyNode;
import dev.smallbatch.core.autograd.nodes.LinearNode;
import dev.smallbatch.core.autograd.nodes.NormalizedLinearNode;
import dev.smallbatch.core.autograd.nodes.PositionsNode;
import dev.smallbatch.core.autograd.nodes.QkNormNode;
import dev.smallbatch.core.autograd.nodes.QkNormRopeNode;
import dev.smallbatch.core.autograd.nodes.RmsNormNode;
import dev.smallbatch.core.autograd.nodes.RopeNode;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * The differentiable operations, which models are written with. Formulas, shapes and errors are those of the kernels
 * named in each line. Results live in the step's region until backward has passed them, losses until {@link Tape#reset}.
 */
public final class Ops {
    private final Tape tape;

    Ops(Tape tape) {
        this.tape = tape;
    }

    /** Rows of a table, {@link dev.smallbatch.core.spi.EmbeddingKernels#embed}; positions may be null. */
    public Var embed(Tensor tokens, Parameter table, Parameter positions) {
        return EmbeddingNode.forward(tape, tokens, table, positions);
    }

    /** {@code x[b, t] + positions[t]}, of which there may be more than times; for positions of what is not looked up. */
    public Var addPositions(Var x, Parameter positions) {
        return PositionsNode.forward(tape, x, positions);
    }

    /** {@code x weight^T + bias}, {@link dev.smallbatch.core.spi.MatmulKernels#linear}; bias may be null. */
    public Var linear(Var x, Parameter weight, Parameter bias) {
        return LinearNode.forward(tape, x, weight, bias, null);
    }

    /** {@code residual + x weight^T + bias}, in one memory; bias may be null. */
    public Var linearAdd(Var residual, Var x, Parameter weight, Parameter bias) {
        return LinearNode.forward(tape, x, weight, bias, residual);
    }

    /**
     * {@code h weight^T + bias} with {@code h = x / sqrt(mean(x^2) + eps)}, {@link #rmsNorm}; bias may be null. h is not kept but
     * computed again in backward.
     */
    public Var normalizedLinear(Var x, float eps, Parameter weight, Parameter bias) {
        return NormalizedLinearNode.forward(tape, x, eps, weight, bias);
    }

    /**
     * {@code residual + f(x) weight^T + bias}. f(x), which is as large as x, is not kept but computed again in backward:
     * next to the products that takes no time.
     */
    public Var activatedLinearAdd(Var residual, Var x, Activation f, Parameter weight, Parameter bias) {
        return ActivatedLinearNode.forward(tape, residual, x, f, weight, bias);
    }

    /** {@link dev.smallbatch.core.spi.NormKernels#layerNorm}. */
    public Var layerNorm(Var x, Parameter weight, Parameter bias, float eps) {
        return LayerNormNode.forward(tape, x, weight, bias, eps);
    }

    /** {@link dev.smallbatch.core.spi.NormKernels#rmsNorm}; weight may be null. */
    public Var rmsNorm(Var x, Parameter weight, float eps) {
        return RmsNormNode.forward(tape, x, weight, eps);
    }

    /** {@link dev.smallbatch.core.spi.NormKernels#qkNorm}, which replaces the values of qkv: nothing else may read them. */
    public Var qkNorm(Var qkv, AttentionSpec spec, float eps) {
        return QkNormNode.forward(tape, qkv, spec, eps);
    }

    /** {@link dev.smallbatch.core.spi.AttentionKernels#rope}; cos and sin are constants. */
    public Var rope(Var qkv, Tensor cos, Tensor sin, AttentionSpec spec) {
        return RopeNode.forward(tape, qkv, cos, sin, spec);
    }

    /**
     * {@link #qkNorm}, then {@link #rope}, which replace the values of qkv: nothing else may read them. Backward turns the
     * heads back, so that {@code cos^2 + sin^2} must be 1.
     */
    public Var qkNormRope(Var qkv, Tensor cos, Tensor sin, AttentionSpec spec, float eps) {
        return QkNormRopeNode.forward(tape, qkv, cos, sin, spec, eps);
    }

    /** {@link dev.smallbatch.core.spi.AttentionKernels#attention}. */
    public Var attention(Var qkv, AttentionSpec spec) {
        return AttentionNode.forward(tape, qkv, spec);
    }

    /** {@link dev.smallbatch.core.spi.ActivationKernels#activate}. */
    public Var activate(Var x, Activation kind) {
        return ActivationNode.forward(tape, x, kind);
    }

    /** {@link dev.smallbatch.core.spi.ElementwiseKernels#add}. */
    public Var add(Var a, Var b) {
        return AddNode.forward(tape, a, b);
    }

    /**
     * The loss of each row, {@link dev.smallbatch.core.spi.LossKernels#crossEntropy}. While the tape records, the logits are
     * replaced by their gradient: read them before, or not at all.
     *
     * @param targets (N) I32, -1 where there is none
     * @param vocabulary columns of the logits that take part
     * @param scale makes the sum of the losses the scalar that is differentiated: 1 / number of targets for their mean
     */
    public Var crossEntropy(Var logits, Tensor targets, int vocabulary, float scale) {
        return CrossEntropyNode.forward(tape, logits, targets, vocabulary, scale);
    }

    /**
     * {@link #crossEntropy} of the logits {@code x weight^T}, which never exist all at once: a few rows of them go from the
     * product through the loss to both gradients at a time.
     *
     * @param weight (Vp, C), the head
     */
    public Var linearCrossEntropy(Var x, Parameter weight, Tensor targets, int vocabulary, float scale) {
        return LinearCrossEntropyNode.forward(tape, x, weight, targets, vocabulary, scale);
    }

    /**
     * {@code part.apply(x)}, for a part of a model whose inside nothing outside reads. In mode {@link Tape.Mode#RECOMPUTE} its
     * activations are given back at once, and it is run again when backward needs them: the same bits, for a second
     * forward pass. Without recording they are just given back.
     *
     * @param part a pure function, with a result of x's shape; it may use parameters that are used elsewhere, too
     */
    public Var checkpoint(Var x, UnaryOperator<Var> part) {
        return tape.checkpoint(x, part);
    }
}
