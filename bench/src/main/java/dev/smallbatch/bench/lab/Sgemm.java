package dev.smallbatch.bench.lab;

import static dev.smallbatch.bench.lab.Floats.LANES;
import static dev.smallbatch.bench.lab.Floats.all;
import static dev.smallbatch.bench.lab.Floats.get;
import static dev.smallbatch.bench.lab.Floats.load;
import static dev.smallbatch.bench.lab.Floats.set;
import static dev.smallbatch.bench.lab.Floats.store;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Work;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * The matrix product {@code C = A B}, (M, N) = (M, K) (K, N). It has 2 M N K operations for M K + K N numbers, so arithmetic
 * could be all that takes time. The versions get there by feeding the multiply-add units: first from memory in order, then
 * from vectors, from registers, and from copies that lie in memory in the order in which they are needed.
 */
final class Sgemm implements LabCase {
    /** Rows of a tile of C that is summed up in registers, and the vectors of a row: 8 sums keep two units busy. */
    private static final int TILE_ROWS = 4;
    private static final int TILE_COLS = 2 * LANES;
    /** Inner size of a block: its packed part of B stays in the second-level cache. */
    private static final int BLOCK = 256;

    private final int m;
    private final int n;
    private final int k;
    private final Tensor out;
    private final Tensor left;
    private final Tensor right;
    private final Kernels one;
    private final Kernels all;
    /** Packed panels and a tile, for the versions that use them. */
    private final float[] panelA = new float[TILE_ROWS * BLOCK];
    private final float[] panelsB;
    private final float[] tile = new float[TILE_ROWS * TILE_COLS];

    Sgemm(int[] sizes, Operands operands, Kernels one, Kernels all) {
        m = sizes[0];
        n = sizes[1];
        k = sizes[2];
        left = operands.uniform(m, k);
        right = operands.uniform(k, n);
        out = operands.uniform(m, n);
        panelsB = new float[Math.ceilDiv(n, TILE_COLS) * TILE_COLS * BLOCK];
        this.one = one;
        this.all = all;
    }

    @Override
    public List<Version> versions() {
        MemorySegment a = left.segment();
        MemorySegment b = right.segment();
        MemorySegment c = out.segment();
        return List.of(
                Version.of("three loops, as in the formula: each step of the inner one jumps to another row of B",
                        () -> naive(c, a, b)),
                Version.of("loops reordered: the inner one walks along rows of B and C", () -> reordered(c, a, b)),
                Version.of("a vector of columns at a time", () -> vectorized(c, a, b)),
                Version.of("4 rows by 2 vectors of C stay in registers for the whole sum: 6 loads for 8 multiply-adds, no stores",
                        () -> tiled(c, a, b)),
                Version.of("A and B copied block by block into arrays in the order of their use, which caches then hold",
                        () -> packed(c, a, b)),
                Version.of("shipped: larger tiles of straight-line code, blocks chosen by shape, one thread", () -> shipped(one)),
                new Version("shipped, all threads: tiles are shared out", true, () -> shipped(all)));
    }

    private void naive(MemorySegment c, MemorySegment a, MemorySegment b) {
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                float sum = 0;
                for (int p = 0; p < k; p++) {
                    sum += get(a, (long) i * k + p) * get(b, (long) p * n + j);
                }
                set(c, (long) i * n + j, sum);
            }
        }
    }

    private void reordered(MemorySegment c, MemorySegment a, MemorySegment b) {
        c.fill((byte) 0);
        for (int i = 0; i < m; i++) {
            for (int p = 0; p < k; p++) {
                float factor = get(a, (long) i * k + p);
                for (int j = 0; j < n; j++) {
                    set(c, (long) i * n + j, get(c, (long) i * n + j) + factor * get(b, (long) p * n + j));
                }
            }
        }
    }

    private void vectorized(MemorySegment c, MemorySegment a, MemorySegment b) {
        c.fill((byte) 0);
        for (int i = 0; i < m; i++) {
            vectorizedRow(c, a, b, i, 0);
        }
    }

    /** Columns {@code from} to N of a row. */
    private void vectorizedRow(MemorySegment c, MemorySegment a, MemorySegment b, int i, int from) {
        for (int p = 0; p < k; p++) {
            float factor = get(a, (long) i * k + p);
            long row = (long) i * n;
            long source = (long) p * n;
            int j = from;
            for (; j + LANES <= n; j += LANES) {
                store(load(b, source + j).fma(all(factor), load(c, row + j)), c, row + j);
            }
            for (; j < n; j++) {
                set(c, row + j, Math.fma(get(b, source + j), factor, get(c, row + j)));
            }
        }
    }

    private void tiled(MemorySegment c, MemorySegment a, MemorySegment b) {
        c.fill((byte) 0);
        int fullRows = m - m % TILE_ROWS;
        int fullCols = n - n % TILE_COLS;
        for (int i = 0; i < fullRows; i += TILE_ROWS) {
            for (int j = 0; j < fullCols; j += TILE_COLS) {
                tileInPlace(c, a, b, i, j);
            }
        }
        for (int i = 0; i < m; i++) {
            vectorizedRow(c, a, b, i, i < fullRows ? fullCols : 0);
        }
    }

    private void tileInPlace(MemorySegment c, MemorySegment a, MemorySegment b, int i, int j) {
        FloatVector c00 = all(0);
        FloatVector c01 = all(0);
        FloatVector c10 = all(0);
        FloatVector c11 = all(0);
        FloatVector c20 = all(0);
        FloatVector c21 = all(0);
        FloatVector c30 = all(0);
        FloatVector c31 = all(0);
        long row = (long) i * k;
        for (int p = 0; p < k; p++) {
            FloatVector b0 = load(b, (long) p * n + j);
            FloatVector b1 = load(b, (long) p * n + j + LANES);
            FloatVector a0 = all(get(a, row + p));
            FloatVector a1 = all(get(a, row + k + p));
            FloatVector a2 = all(get(a, row + 2L * k + p));
            FloatVector a3 = all(get(a, row + 3L * k + p));
            c00 = b0.fma(a0, c00);
            c01 = b1.fma(a0, c01);
            c10 = b0.fma(a1, c10);
            c11 = b1.fma(a1, c11);
            c20 = b0.fma(a2, c20);
            c21 = b1.fma(a2, c21);
            c30 = b0.fma(a3, c30);
            c31 = b1.fma(a3, c31);
        }
        long at = (long) i * n + j;
        store(c00, c, at);
        store(c01, c, at + LANES);
        store(c10, c, at + n);
        store(c11, c, at + n + LANES);
        store(c20, c, at + 2L * n);
        store(c21, c, at + 2L * n + LANES);
        store(c30, c, at + 3L * n);
        store(c31, c, at + 3L * n + LANES);
    }

    private void packed(MemorySegment c, MemorySegment a, MemorySegment b) {
        c.fill((byte) 0);
        for (int p = 0; p < k; p += BLOCK) {
            int depth = Math.min(BLOCK, k - p);
            packB(b, p, depth);
            for (int i = 0; i < m; i += TILE_ROWS) {
                packA(a, i, p, depth);
                for (int j = 0; j < n; j += TILE_COLS) {
                    tileOfPanels(depth, j * depth);
                    addTile(c, i, j);
                }
            }
        }
    }

    /** For each panel of {@link #TILE_COLS} columns its rows one after the other, with zeros where B has no more columns. */
    private void packB(MemorySegment b, int from, int depth) {
        int to = 0;
        for (int j = 0; j < n; j += TILE_COLS) {
            for (int p = from; p < from + depth; p++) {
                for (int q = j; q < j + TILE_COLS; q++) {
                    panelsB[to++] = q < n ? get(b, (long) p * n + q) : 0;
                }
            }
        }
    }

    /** For each column of the block the {@link #TILE_ROWS} numbers of the tile's rows, with zeros where A has no more rows. */
    private void packA(MemorySegment a, int from, int p, int depth) {
        for (int r = 0; r < TILE_ROWS; r++) {
            for (int q = 0; q < depth; q++) {
                panelA[q * TILE_ROWS + r] = from + r < m ? get(a, (long) (from + r) * k + p + q) : 0;
            }
        }
    }

    private void tileOfPanels(int depth, int panel) {
        FloatVector c00 = all(0);
        FloatVector c01 = all(0);
        FloatVector c10 = all(0);
        FloatVector c11 = all(0);
        FloatVector c20 = all(0);
        FloatVector c21 = all(0);
        FloatVector c30 = all(0);
        FloatVector c31 = all(0);
        for (int p = 0; p < depth; p++) {
            FloatVector b0 = FloatVector.fromArray(Floats.SPECIES, panelsB, panel + p * TILE_COLS);
            FloatVector b1 = FloatVector.fromArray(Floats.SPECIES, panelsB, panel + p * TILE_COLS + LANES);
            FloatVector a0 = all(panelA[p * TILE_ROWS]);
            FloatVector a1 = all(panelA[p * TILE_ROWS + 1]);
            FloatVector a2 = all(panelA[p * TILE_ROWS + 2]);
            FloatVector a3 = all(panelA[p * TILE_ROWS + 3]);
            c00 = b0.fma(a0, c00);
            c01 = b1.fma(a0, c01);
            c10 = b0.fma(a1, c10);
            c11 = b1.fma(a1, c11);
            c20 = b0.fma(a2, c20);
            c21 = b1.fma(a2, c21);
            c30 = b0.fma(a3, c30);
            c31 = b1.fma(a3, c31);
        }
        c00.intoArray(tile, 0);
        c01.intoArray(tile, LANES);
        c10.intoArray(tile, TILE_COLS);
        c11.intoArray(tile, TILE_COLS + LANES);
        c20.intoArray(tile, 2 * TILE_COLS);
        c21.intoArray(tile, 2 * TILE_COLS + LANES);
        c30.intoArray(tile, 3 * TILE_COLS);
        c31.intoArray(tile, 3 * TILE_COLS + LANES);
    }

    /** Adds the part of the tile that C has room for. */
    private void addTile(MemorySegment c, int i, int j) {
        for (int r = 0; r < Math.min(TILE_ROWS, m - i); r++) {
            for (int q = 0; q < Math.min(TILE_COLS, n - j); q++) {
                long at = (long) (i + r) * n + j + q;
                set(c, at, get(c, at) + tile[r * TILE_COLS + q]);
            }
        }
    }

    private void shipped(Kernels kernels) {
        kernels.matmul().matmul(out, left, Transpose.NO, right, Transpose.NO, 1, 0);
    }

    @Override
    public void reset() {
        Floats.spoil(out);
    }

    @Override
    public List<Expected> expected() {
        double[] values = new double[m * n];
        double[] scales = new double[m * n];
        for (int i = 0; i < m; i++) {
            for (int p = 0; p < k; p++) {
                double factor = left.getFlat((long) i * k + p);
                for (int j = 0; j < n; j++) {
                    double term = factor * right.getFlat((long) p * n + j);
                    values[i * n + j] += term;
                    scales[i * n + j] += Math.abs(term);
                }
            }
        }
        return List.of(new Expected(out, values, scales));
    }

    /** Half a unit in the last place for each of K roundings, relative to the sum of the terms' sizes. */
    @Override
    public double tolerance() {
        return 6e-8 * (k + 1);
    }

    @Override
    public Work work() {
        return new Work(2.0 * m * n * k, 4.0 * ((double) m * k + (double) k * n + (double) m * n));
    }
}
