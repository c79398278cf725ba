package dev.smallbatch.core.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost product: {@code c (ROWS x COLS) = sum over k of a[k] b[k]^T}, where a is a panel of ROWS values and b a
 * panel of COLS values for each k. Everything is on the heap and packed, so that the loop has no strides, branches or
 * segment checks.
 */
final class GemmTile {
    private static final VectorSpecies<Float> S = Lanes.SPECIES;
    private static final int L = Lanes.COUNT;
    /** Vectors wide enough that the processor has 32 registers: the tall tile fits. */
    private static final boolean TALL = L == 16;

    /** Rows of a tile: values of a per k. */
    static final int ROWS = TALL ? 12 : 6;
    /** Columns of a tile: values of b per k. */
    static final int COLS = 2 * L;

    private GemmTile() {}

    /** Overwrites c[cAt ..), ROWS rows of COLS, from panels a[aAt ..) (depth x ROWS) and b[bAt ..) (depth x COLS). */
    static void run(int depth, float[] a, int aAt, float[] b, int bAt, float[] c, int cAt) {
        if (TALL) {
            tall(depth, a, aAt, b, bAt, c, cAt);
        } else {
            low(depth, a, aAt, b, bAt, c, cAt);
        }
    }

    /**
     * 12 rows by 2 vectors: 24 accumulators, 2 of b and 1 broadcast make 27 of 32 registers; 24 independent chains hide
     * the latency of two fused multiply-adds a cycle.
     */
    private static void tall(int depth, float[] a, int aAt, float[] b, int bAt, float[] c, int cAt) {
        FloatVector c00 = FloatVector.zero(S);
        FloatVector c01 = FloatVector.zero(S);
        FloatVector c10 = FloatVector.zero(S);
        FloatVector c11 = FloatVector.zero(S);
        FloatVector c20 = FloatVector.zero(S);
        FloatVector c21 = FloatVector.zero(S);
        FloatVector c30 = FloatVector.zero(S);
        FloatVector c31 = FloatVector.zero(S);
        FloatVector c40 = FloatVector.zero(S);
        FloatVector c41 = FloatVector.zero(S);
        FloatVector c50 = FloatVector.zero(S);
        FloatVector c51 = FloatVector.zero(S);
        FloatVector c60 = FloatVector.zero(S);
        FloatVector c61 = FloatVector.zero(S);
        FloatVector c70 = FloatVector.zero(S);
        FloatVector c71 = FloatVector.zero(S);
        FloatVector c80 = FloatVector.zero(S);
        FloatVector c81 = FloatVector.zero(S);
        FloatVector c90 = FloatVector.zero(S);
        FloatVector c91 = FloatVector.zero(S);
        FloatVector cA0 = FloatVector.zero(S);
        FloatVector cA1 = FloatVector.zero(S);
        FloatVector cB0 = FloatVector.zero(S);
        FloatVector cB1 = FloatVector.zero(S);
        for (int k = 0; k < depth; k++) {
            int ai = aAt + k * 12;
            int bi = bAt + k * COLS;
            FloatVector b0 = FloatVector.fromArray(S, b, bi);
            FloatVector b1 = FloatVector.fromArray(S, b, bi + L);
            FloatVector a0 = FloatVector.broadcast(S, a[ai]);
            c00 = a0.fma(b0, c00);
            c01 = a0.fma(b1, c01);
            FloatVector a1 = FloatVector.broadcast(S, a[ai + 1]);
            c10 = a1.fma(b0, c10);
            c11 = a1.fma(b1, c11);
            FloatVector a2 = FloatVector.broadcast(S, a[ai + 2]);
            c20 = a2.fma(b0, c20);
            c21 = a2.fma(b1, c21);
            FloatVector a3 = FloatVector.broadcast(S, a[ai + 3]);
            c30 = a3.fma(b0, c30);
            c31 = a3.fma(b1, c31);
            FloatVector a4 = FloatVector.broadcast(S, a[ai + 4]);
            c40 = a4.fma(b0, c40);
            c41 = a4.fma(b1, c41);
            FloatVector a5 = FloatVector.broadcast(S, a[ai + 5]);
            c50 = a5.fma(b0, c50);
            c51 = a5.fma(b1, c51);
            FloatVector a6 = FloatVector.broadcast(S, a[ai + 6]);
            c60 = a6.fma(b0, c60);
            c61 = a6.fma(b1, c61);
            FloatVector a7 = FloatVector.broadcast(S, a[ai + 7]);
            c70 = a7.fma(b0, c70);
            c71 = a7.fma(b1, c71);
            FloatVector a8 = FloatVector.broadcast(S, a[ai + 8]);
            c80 = a8.fma(b0, c80);
            c81 = a8.fma(b1, c81);
            FloatVector a9 = FloatVector.broadcast(S, a[ai + 9]);
            c90 = a9.fma(b0, c90);
            c91 = a9.fma(b1, c91);
            FloatVector aA = FloatVector.broadcast(S, a[ai + 10]);
            cA0 = aA.fma(b0, cA0);
            cA1 = aA.fma(b1, cA1);
            FloatVector aB = FloatVector.broadcast(S, a[ai + 11]);
            cB0 = aB.fma(b0, cB0);
            cB1 = aB.fma(b1, cB1);
        }
        c00.intoArray(c, cAt);
        c01.intoArray(c, cAt + L);
        c10.intoArray(c, cAt + 2 * L);
        c11.intoArray(c, cAt + 3 * L);
        c20.intoArray(c, cAt + 4 * L);
        c21.intoArray(c, cAt + 5 * L);
        c30.intoArray(c, cAt + 6 * L);
        c31.intoArray(c, cAt + 7 * L);
        c40.intoArray(c, cAt + 8 * L);
        c41.intoArray(c, cAt + 9 * L);
        c50.intoArray(c, cAt + 10 * L);
        c51.intoArray(c, cAt + 11 * L);
        c60.intoArray(c, cAt + 12 * L);
        c61.intoArray(c, cAt + 13 * L);
        c70.intoArray(c, cAt + 14 * L);
        c71.intoArray(c, cAt + 15 * L);
        c80.intoArray(c, cAt + 16 * L);
        c81.intoArray(c, cAt + 17 * L);
        c90.intoArray(c, cAt + 18 * L);
        c91.intoArray(c, cAt + 19 * L);
        cA0.intoArray(c, cAt + 20 * L);
        cA1.intoArray(c, cAt + 21 * L);
        cB0.intoArray(c, cAt + 22 * L);
        cB1.intoArray(c, cAt + 23 * L);
    }

    /** 6 rows by 2 vectors: 12 accumulators, 2 of b and 1 broadcast make 15 of 16 registers. */
    private static void low(int depth, float[] a, int aAt, float[] b, int bAt, float[] c, int cAt) {
        FloatVector c00 = FloatVector.zero(S);
        FloatVector c01 = FloatVector.zero(S);
        FloatVector c10 = FloatVector.zero(S);
        FloatVector c11 = FloatVector.zero(S);
        FloatVector c20 = FloatVector.zero(S);
        FloatVector c21 = FloatVector.zero(S);
        FloatVector c30 = FloatVector.zero(S);
        FloatVector c31 = FloatVector.zero(S);
        FloatVector c40 = FloatVector.zero(S);
        FloatVector c41 = FloatVector.zero(S);
        FloatVector c50 = FloatVector.zero(S);
        FloatVector c51 = FloatVector.zero(S);
        for (int k = 0; k < depth; k++) {
            int ai = aAt + k * 6;
            int bi = bAt + k * COLS;
            FloatVector b0 = FloatVector.fromArray(S, b, bi);
            FloatVector b1 = FloatVector.fromArray(S, b, bi + L);
            FloatVector a0 = FloatVector.broadcast(S, a[ai]);
            c00 = a0.fma(b0, c00);
            c01 = a0.fma(b1, c01);
            FloatVector a1 = FloatVector.broadcast(S, a[ai + 1]);
            c10 = a1.fma(b0, c10);
            c11 = a1.fma(b1, c11);
            FloatVector a2 = FloatVector.broadcast(S, a[ai + 2]);
            c20 = a2.fma(b0, c20);
            c21 = a2.fma(b1, c21);
            FloatVector a3 = FloatVector.broadcast(S, a[ai + 3]);
            c30 = a3.fma(b0, c30);
            c31 = a3.fma(b1, c31);
            FloatVector a4 = FloatVector.broadcast(S, a[ai + 4]);
            c40 = a4.fma(b0, c40);
            c41 = a4.fma(b1, c41);
            FloatVector a5 = FloatVector.broadcast(S, a[ai + 5]);
            c50 = a5.fma(b0, c50);
            c51 = a5.fma(b1, c51);
        }
        c00.intoArray(c, cAt);
        c01.intoArray(c, cAt + L);
        c10.intoArray(c, cAt + 2 * L);
        c11.intoArray(c, cAt + 3 * L);
        c20.intoArray(c, cAt + 4 * L);
        c21.intoArray(c, cAt + 5 * L);
        c30.intoArray(c, cAt + 6 * L);
        c31.intoArray(c, cAt + 7 * L);
        c40.intoArray(c, cAt + 8 * L);
        c41.intoArray(c, cAt + 9 * L);
        c50.intoArray(c, cAt + 10 * L);
        c51.intoArray(c, cAt + 11 * L);
    }
}
