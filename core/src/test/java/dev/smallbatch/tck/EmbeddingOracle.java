package dev.smallbatch.tck;

/** Table look-ups by their definition, in double. */
final class EmbeddingOracle {
    private static final double C_SUM = 2;

    private EmbeddingOracle() {}

    /** {@code table[tokens[b, t]] + positions[t]}; null positions mean none. */
    static Expected embed(int[] tokens, double[] table, double[] positions, int T, int C) {
        double[] value = new double[tokens.length * C];
        double[] scale = new double[value.length];
        for (int i = 0; i < value.length; i++) {
            int row = i / C;
            double position = positions == null ? 0 : positions[row % T * C + i % C];
            value[i] = table[tokens[row] * C + i % C] + position;
            scale[i] = positions == null ? 0 : Math.abs(value[i]);
        }
        return Expected.within(1, 1, value, scale);
    }

    /** {@code dtable[tokens[b, t]] += dout[b, t]}. */
    static Expected dtable(double[] before, double[] dout, int[] tokens, int C) {
        return scattered(before, dout, tokens, C);
    }

    /** {@code dpositions[t] += sum over b of dout[b, t]}. */
    static Expected dpositions(double[] before, double[] dout, int T, int C) {
        int[] times = new int[dout.length / C];
        for (int i = 0; i < times.length; i++) {
            times[i] = i % T;
        }
        return scattered(before, dout, times, C);
    }

    private static Expected scattered(double[] before, double[] dout, int[] rows, int C) {
        double[] value = before.clone();
        double[] sizes = new double[before.length];
        int[] uses = new int[before.length];
        for (int i = 0; i < dout.length; i++) {
            int at = rows[i / C] * C + i % C;
            value[at] += dout[i];
            sizes[at] += Math.abs(dout[i]);
            uses[at]++;
        }
        double[] bound = new double[before.length];
        for (int i = 0; i < bound.length; i++) {
            bound[i] = uses[i] == 0 ? 0 : C_SUM * Math.sqrt(uses[i]) * Expected.UNIT * (sizes[i] + Math.abs(before[i]));
        }
        return new Expected(value, bound);
    }
}
