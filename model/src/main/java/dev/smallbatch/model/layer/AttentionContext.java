package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.AttentionSpec;

/** Where the tokens of a forward pass stand and what they attend to: the one difference of training and generation. */
public interface AttentionContext {
    /** Position of the first token. */
    int start();

    /**
     * Causal attention of the new tokens in one block.
     *
     * @param layer number of the block, from 0
     * @param qkv (B, T, (heads + 2 kvHeads) D), normalized and rotated
     * @return (B, T, heads D)
     */
    Var attend(Ops ops, int layer, Var qkv, AttentionSpec spec);

    /** A sequence from its first token on, which attends to itself: training and evaluation. */
    record WholeSequence() implements AttentionContext {
        @Override
        public int start() {
            return 0;
        }

        @Override
        public Var attend(Ops ops, int layer, Var qkv, AttentionSpec spec) {
            return ops.attention(qkv, spec);
        }
    }
}
