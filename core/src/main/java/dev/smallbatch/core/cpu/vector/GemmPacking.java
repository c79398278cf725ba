package dev.smallbatch.core.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Copies parts of a matrix in native memory into panels for {@link GemmTile}: for each k the panel's {@code width} values
 * lie side by side, and panels follow each other, each {@code depth * width} long. Values outside the matrix are zero.
 *
 * <p>A matrix is read in one of two ways. <em>Along</em>: the panel's values are neighbours in memory, so each k is one
 * short copy. <em>Across</em>: the values of k are neighbours, so the panel is a transposition.
 */
final class GemmPacking {
    private static final int L = Lanes.COUNT;

    private GemmPacking() {}

    /**
     * One panel, values along memory: {@code to[at + k * width + i] = from[base + k * stride + i]} for i below valid, else 0.
     */
    static void along(float[] to, int at, int width, int depth, MemorySegment from, long base, long stride, int valid) {
        if (valid < width) {
            alongEdge(to, at, width, depth, from, base, stride, valid);
            return;
        }
        // One or two, by the sizes of GemmTile: a loop over them halves the speed.
        int vectors = (width + L - 1) / L;
        boolean overhang = vectors * L > width;
        // A vector that hangs over writes into the next k, which comes after; the last k, and reads past the end of the
        // matrix, are copied exactly.
        long limit = from.byteSize() / Float.BYTES;
        int safe = overhang ? depth - 1 : depth;
        while (overhang && safe > 0 && base + (safe - 1) * stride + (long) vectors * L > limit) {
            safe--;
        }
        if (vectors == 1) {
            for (int k = 0; k < safe; k++) {
                Lanes.load(from, base + k * stride).intoArray(to, at + k * width);
            }
        } else {
            for (int k = 0; k < safe; k++) {
                long row = base + k * stride;
                FloatVector first = Lanes.load(from, row);
                FloatVector second = Lanes.load(from, row + L);
                first.intoArray(to, at + k * width);
                second.intoArray(to, at + k * width + L);
            }
        }
        for (int k = Math.max(0, safe); k < depth; k++) {
            MemorySegment.copy(from, ValueLayout.JAVA_FLOAT, (base + k * stride) << 2, to, at + k * width, width);
        }
    }

    private static void alongEdge(float[] to, int at, int width, int depth, MemorySegment from, long base, long stride,
            int valid) {
        for (int k = 0; k < depth; k++) {
            int row = at + k * width;
            MemorySegment.copy(from, ValueLayout.JAVA_FLOAT, (base + k * stride) << 2, to, row, valid);
            Arrays.fill(to, row + valid, row + width, 0);
        }
    }

    /**
     * One panel, values across memory: {@code to[at + k * width + i] = from[base + i * stride + k]} for i below valid, else
     * 0.
     */
    static void across(float[] to, int at, int width, int depth, MemorySegment from, long base, long stride, int valid) {
        int i = 0;
        for (; L >= 8 && i + 8 <= valid; i += 8) {
            int done = GemmTranspose.eightRows(to, at + i, width, depth, from, base + i * stride, stride);
            acrossRows(to, at, width, done, depth, from, base, stride, i, i + 8);
        }
        for (; i + 4 <= valid; i += 4) {
            int done = GemmTranspose.fourRows(to, at + i, width, depth, from, base + i * stride, stride);
            acrossRows(to, at, width, done, depth, from, base, stride, i, i + 4);
        }
        acrossRows(to, at, width, 0, depth, from, base, stride, i, valid);
        for (int k = 0; valid < width && k < depth; k++) {
            Arrays.fill(to, at + k * width + valid, at + (k + 1) * width, 0);
        }
    }

    /** What no square covers: rows i of a panel, values from kFrom on. */
    private static void acrossRows(float[] to, int at, int width, int kFrom, int depth, MemorySegment from, long base,
            long stride, int iFrom, int iTo) {
        for (int i = iFrom; i < iTo; i++) {
            long row = base + i * stride;
            for (int k = kFrom; k < depth; k++) {
                to[at + i + k * width] = from.get(ValueLayout.JAVA_FLOAT, (row + k) << 2);
            }
        }
    }

    /**
     * Writes a tile out: {@code out[base + r * stride + j] = alpha c + beta added[base + r * stride + j] + bias[j]} for r below
     * rows, j below cols.
     */
    static void writeTile(float[] c, int cAt, MemorySegment out, long base, long stride, int rows, int cols, float alpha,
            MemorySegment added, float beta, MemorySegment bias, long biasAt) {
        for (int r = 0; r < rows; r++) {
            int ci = cAt + r * GemmTile.COLS;
            long oi = base + r * stride;
            int j = 0;
            for (; j + L <= cols; j += L) {
                FloatVector v = FloatVector.fromArray(Lanes.SPECIES, c, ci + j).mul(alpha);
                if (added != null) {
                    v = Lanes.load(added, oi + j).fma(Lanes.all(beta), v);
                }
                if (bias != null) {
                    v = v.add(Lanes.load(bias, biasAt + j));
                }
                Lanes.store(v, out, oi + j);
            }
            for (; j < cols; j++) {
                float v = c[ci + j] * alpha;
                if (added != null) {
                    v = Math.fma(beta, added.get(ValueLayout.JAVA_FLOAT, (oi + j) << 2), v);
                }
                if (bias != null) {
                    v += bias.get(ValueLayout.JAVA_FLOAT, (biasAt + j) << 2);
                }
                out.set(ValueLayout.JAVA_FLOAT, (oi + j) << 2, v);
            }
        }
    }
}
