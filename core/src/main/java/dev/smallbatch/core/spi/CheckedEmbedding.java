package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link EmbeddingKernels}; the ids themselves are checked where they are read. */
final class CheckedEmbedding implements EmbeddingKernels {
    private static final Checks EMBED = new Checks("embed");
    private static final Checks EMBED_BACKWARD = new Checks("embedBackward");

    private final EmbeddingKernels kernels;

    CheckedEmbedding(EmbeddingKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void embed(Tensor out, Tensor tokens, Tensor table, Tensor positions) {
        Checks c = EMBED;
        Operand o = c.f32("out", out);
        Operand ids = c.i32("tokens", tokens);
        Operand v = c.weight("table", table);
        Operand p = c.weightOrNull("positions", positions);
        shapes(c, o, ids, v, p);
        c.apart(1, o, ids, v, p);
        kernels.embed(out, tokens, table, positions);
    }

    @Override
    public void embedBackward(Tensor dtable, Tensor dpositions, Tensor dout, Tensor tokens) {
        Checks c = EMBED_BACKWARD;
        Operand v = c.f32("dtable", dtable);
        Operand p = c.f32OrNull("dpositions", dpositions);
        Operand d = c.f32("dout", dout);
        Operand ids = c.i32("tokens", tokens);
        shapes(c, d, ids, v, p);
        c.apart(2, v, p, d, ids);
        kernels.embedBackward(dtable, dpositions, dout, tokens);
    }

    private static void shapes(Checks c, Operand rows, Operand tokens, Operand table, Operand positions) {
        c.onePerRow(tokens, rows);
        c.sameCols(rows, table);
        if (!positions.isNull()) {
            c.sameCols(rows, positions);
            if (positions.rows() < tokens.cols()) {
                throw c.refusal("%s are too few for sequences of %d tokens: %s", positions, tokens.cols(), tokens);
            }
        }
    }
}
