package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.function.Consumer;

/** Table of token vectors, with or without a table of learned positions that is added. */
public final class Embedding implements Layer {
    private final Parameter table;
    private final Parameter positions;

    /**
     * @param factory of the model's path: the tables are {@code embed.weight} and {@code positions.weight}
     * @param vocabularySize rows of the token table
     * @param seqLen rows of the position table
     * @param dim columns of both
     * @param tokenInit first values of the token table
     * @param positionInit first values of the position table; null for a model without one
     */
    public Embedding(ParameterFactory factory, int vocabularySize, int seqLen, int dim, Init tokenInit, Init positionInit) {
        table = factory.sub("embed").create("weight", Shape.of(vocabularySize, dim), Role.EMBEDDING, tokenInit);
        positions = positionInit == null ? null
                : factory.sub("positions").create("weight", Shape.of(seqLen, dim), Role.EMBEDDING, positionInit);
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
        return ops.embed(tokens, table, positions == null || start == 0 ? positions : positionsFrom(start));
    }

    private Parameter positionsFrom(int start) {
        Tensor rows = positions.value();
        return new Parameter(positions.name(), rows.rows(start, rows.shape().dim(0)), positions.role());
    }

    @Override
    public void parameters(Consumer<Parameter> visitor) {
        visitor.accept(table);
        if (positions != null) {
            visitor.accept(positions);
        }
    }
}
