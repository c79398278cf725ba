package dev.smallbatch.core.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/** Working memory of one thread inside attention; grows to the largest call and stays. */
final class AttentionScratch {
    private static final int COLS = GemmTile.COLS;

    /** One output tile. */
    final float[] tile = new float[GemmTile.ROWS * COLS];
    /** Right operands: D x COLS. */
    float[] right = new float[0];
    float[] otherRight = new float[0];
    /** Scores and their gradient, one row of COLS per key (or query). */
    float[] scores = new float[0];
    float[] dscores = new float[0];
    /** Sums over the heads of a group, padded D x COLS. */
    float[] dkeys = new float[0];
    float[] dvalues = new float[0];
    /** One number per column. */
    final float[] perColumn = new float[COLS];
    final float[] otherPerColumn = new float[COLS];

    void resize(int time, int size) {
        if (right.length < size * COLS) {
            right = new float[size * COLS];
            otherRight = new float[size * COLS];
            dkeys = new float[HeadPanels.padded(size) * COLS];
            dvalues = new float[HeadPanels.padded(size) * COLS];
        }
        int rows = (HeadPanels.padded(time) + GemmTile.ROWS) * COLS;
        if (scores.length < rows) {
            scores = new float[rows];
            dscores = new float[rows];
        }
    }

    /**
     * Takes what is masked out of a tile that is not finite: the product multiplied it by 0, and 0 times NaN is NaN. Column
     * c keeps the terms k up to {@code diagonal + c}, or from there on; the order of the sum is that of {@link GemmTile}.
     */
    void repairTile(float[] a, int aAt, float[] b, int depth, int diagonal, boolean upTo) {
        FloatVector zeros = FloatVector.zero(Lanes.SPECIES);
        for (int i = 0; i < tile.length; i += Lanes.COUNT) {
            zeros = FloatVector.fromArray(Lanes.SPECIES, tile, i).fma(Lanes.all(0), zeros);
        }
        if (Lanes.sum(zeros) == 0) {
            return;
        }
        for (int c = 0; c < COLS; c++) {
            int first = upTo ? 0 : Math.max(0, diagonal + c);
            int end = upTo ? Math.min(depth, diagonal + c + 1) : depth;
            for (int r = 0; r < GemmTile.ROWS; r++) {
                float sum = 0;
                for (int k = first; k < end; k++) {
                    sum = Math.fma(a[aAt + k * GemmTile.ROWS + r], b[k * COLS + c], sum);
                }
                tile[r * COLS + c] = sum;
            }
        }
    }

    /**
     * Writes a tile transposed: {@code out[base + c * stride + r] = factor[c] tile[from + r COLS + c]}; a null factor means one.
     */
    static void writeTransposed(float[] tile, int from, float[] factor, MemorySegment out, long base, long stride, int rows,
            int cols) {
        for (int c = 0; c < cols; c++) {
            float f = factor == null ? 1 : factor[c];
            long at = base + c * stride;
            for (int r = 0; r < rows; r++) {
                out.set(ValueLayout.JAVA_FLOAT, (at + r) << 2, tile[from + r * COLS + c] * f);
            }
        }
    }
}
