package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.EmbeddingKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Table look-ups. Tasks are rows; in the backward pass, where tokens repeat, they are channels. */
final class ScalarEmbedding implements EmbeddingKernels {
    private final Parallel parallel;

    ScalarEmbedding(Parallel parallel) {
        this.parallel = parallel;
    }

    /** out[b, t] = table[tokens[b, t]] + positions[t]. */
    @Override
    public void embed(Tensor out, Tensor tokens, Tensor table, Tensor positions) {
        requireInTable("embed", tokens, table);
        long T = tokens.shape().cols();
        long C = table.shape().cols();
        Floats outs = new Floats(out);
        MemorySegment ids = tokens.segment();
        Floats rows = new Floats(table);
        Floats offsets = positions == null ? null : new Floats(positions);
        Grid.split(parallel, tokens.numel(), C, (from, to) -> {
            for (long n = from; n < to; n++) {
                long id = ids.getAtIndex(ValueLayout.JAVA_INT, n);
                for (long c = 0; c < C; c++) {
                    double position = offsets == null ? 0 : offsets.get(n % T * C + c);
                    outs.set(n * C + c, rows.get(id * C + c) + position);
                }
            }
        });
    }

    /** dtable[tokens[b, t]] += dout[b, t], dpositions[t] += sum_b dout[b, t]. */
    @Override
    public void embedBackward(Tensor dtable, Tensor dpositions, Tensor dout, Tensor tokens) {
        requireInTable("embedBackward", tokens, dtable);
        long N = tokens.numel();
        long T = tokens.shape().cols();
        long C = dtable.shape().cols();
        int V = Math.toIntExact(dtable.shape().rows());
        Floats drows = new Floats(dtable);
        Floats doffsets = dpositions == null ? null : new Floats(dpositions);
        Floats douts = new Floats(dout);
        MemorySegment ids = tokens.segment();
        Grid.split(parallel, C, 2 * N, (from, to) -> {
            double[] sums = new double[V];
            for (long c = from; c < to; c++) {
                for (long n = 0; n < N; n++) {
                    sums[ids.getAtIndex(ValueLayout.JAVA_INT, n)] += douts.get(n * C + c);
                }
                for (long n = 0; n < N; n++) {
                    int id = ids.getAtIndex(ValueLayout.JAVA_INT, n);
                    drows.add((long) id * C + c, sums[id]);
                    sums[id] = 0; // a token that comes again adds nothing more
                }
                for (long t = 0; doffsets != null && t < T; t++) {
                    double sum = 0;
                    for (long n = t; n < N; n += T) {
                        sum += douts.get(n * C + c);
                    }
                    doffsets.add(t * C + c, sum);
                }
            }
        });
    }

    private static void requireInTable(String operation, Tensor tokens, Tensor table) {
        long T = tokens.shape().cols();
        long V = table.shape().rows();
        MemorySegment ids = tokens.segment();
        for (long n = 0; n < tokens.numel(); n++) {
            int id = ids.getAtIndex(ValueLayout.JAVA_INT, n);
            if (id < 0 || id >= V) {
                throw new IllegalArgumentException(operation + ": token (" + n / T + ", " + n % T + ") is " + id
                        + ", outside [0, " + V + "), the rows of the table");
            }
        }
    }
}
