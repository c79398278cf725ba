package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.function.Consumer;

/**
 * Table of token vectors, with or without a table of learned positions that is added. The stable kind normalizes token vectors
 * before that, so that the size of a rare token's vector does not matter; see Dettmers et al. 2021, section 2.3.
 */
public final class Embedding implements Layer {
    private final Parameter table;
    private final Parameter positions;
    private final Norm norm;

    /**
     * @param factory of the model's path: the tables are {@code embed.weight} and {@code positions.weight}, the normalization of
     *     token vectors is {@code embed.norm}
     * @param vocabularySize rows of the token table
     * @param seqLen rows of the position table
     * @param dim columns of both
     * @param tied whether the token table is the head, too
     * @param tokenInit first values of the token table
     * @param positionInit first values of the position table; null for a model without one
     * @param stable whether token vectors pass a LayerNorm
     */
    public Embedding(ParameterFactory factory, int vocabularySize, int seqLen, int dim, boolean tied, Init tokenInit,
            Init positionInit, boolean stable) {
        table = factory.sub("embed").create("weight", Shape.of(vocabularySize, dim),
                tied ? Role.TIED : Role.EMBEDDING, tokenInit);
        positions = positionInit == null ? null
                : factory.sub("positions").create("weight", Shape.of(seqLen, dim), Role.EMBEDDING, positionInit);
        norm = stable ? new Norm(factory.sub("embed").sub("norm"), Norm.Kind.LAYER, dim) : null;
    }

    /** The token table (vocabularySize, dim), which a tied head shares. */
    public Parameter table() {
        return table;
    }

    /**
     * (B, T) token ids to (B, T, dim).
     *
     * @param start position of the first token; other than 0 only on a tape that does not record
     */
    public Var forward(Ops ops, Tensor tokens, int start) {
        Parameter rows = positions == null || start == 0 ? positions : positionsFrom(start);
        if (norm == null) {
            return ops.embed(tokens, table, rows);
        }
        Var x = norm.forward(ops, ops.embed(tokens, table, null));
        return rows == null ? x : ops.addPositions(x, rows);
    }

    private Parameter positionsFrom(int start) {
        Tensor rows = positions.value();
        return new Parameter(positions.name(), rows.rows(start, rows.shape().dim(0)), positions.role());
    }

    @Override
    public void parameters(Consumer<Parameter> visitor) {
        visitor.accept(table);
        if (norm != null) {
            norm.parameters(visitor);
        }
        if (positions != null) {
            visitor.accept(positions);
        }
    }
}
