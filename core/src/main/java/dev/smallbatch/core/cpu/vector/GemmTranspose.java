package dev.smallbatch.core.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Squares of a matrix in native memory, transposed into a panel of {@link GemmPacking}. Rows are loaded as vectors, and in
 * each round pairs of them swap halves of their halves: after log2(rows) rounds vector i holds column i. The values move as
 * integers, so that every bit stays. A number at a time the same copy takes three to five times as long.
 */
final class GemmTranspose {
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final VectorSpecies<Integer> S8 = IntVector.SPECIES_256;
    private static final VectorSpecies<Integer> S4 = IntVector.SPECIES_128;
    private static final IntVector LOW8_4 = lows(S8, 4);
    private static final IntVector HIGH8_4 = highs(S8, 4);
    private static final IntVector LOW8_2 = lows(S8, 2);
    private static final IntVector HIGH8_2 = highs(S8, 2);
    private static final IntVector LOW8_1 = lows(S8, 1);
    private static final IntVector HIGH8_1 = highs(S8, 1);
    private static final IntVector LOW4_2 = lows(S4, 2);
    private static final IntVector HIGH4_2 = highs(S4, 2);
    private static final IntVector LOW4_1 = lows(S4, 1);
    private static final IntVector HIGH4_1 = highs(S4, 1);

    private GemmTranspose() {}

    /** Where the lanes of the first of a pair come from: its own blocks of {@code distance}, the other's in between. */
    private static IntVector lows(VectorSpecies<Integer> species, int distance) {
        int n = species.length();
        return IntVector.fromArray(species, lanes(n, lane -> (lane & distance) == 0 ? lane : n + lane - distance), 0);
    }

    /** Where the lanes of the second of a pair come from: what {@link #lows} leaves. */
    private static IntVector highs(VectorSpecies<Integer> species, int distance) {
        int n = species.length();
        return IntVector.fromArray(species, lanes(n, lane -> (lane & distance) == 0 ? lane + distance : n + lane), 0);
    }

    private static int[] lanes(int count, IntUnaryOperator from) {
        return IntStream.range(0, count).map(from).toArray();
    }

    private static IntVector load(VectorSpecies<Integer> species, MemorySegment from, long i) {
        return IntVector.fromMemorySegment(species, from, i << 2, ORDER);
    }

    /**
     * {@code to[at + k * width + i] = from[base + i * stride + k]} for i below 8, k below the largest multiple of 8 within
     * depth.
     *
     * @return that multiple
     */
    static int eightRows(float[] to, int at, int width, int depth, MemorySegment from, long base, long stride) {
        int end = depth & -8;
        for (int k = 0; k < end; k += 8) {
            long row = base + k;
            IntVector a0 = load(S8, from, row);
            IntVector a1 = load(S8, from, row + stride);
            IntVector a2 = load(S8, from, row + 2 * stride);
            IntVector a3 = load(S8, from, row + 3 * stride);
            IntVector a4 = load(S8, from, row + 4 * stride);
            IntVector a5 = load(S8, from, row + 5 * stride);
            IntVector a6 = load(S8, from, row + 6 * stride);
            IntVector a7 = load(S8, from, row + 7 * stride);
            IntVector b0 = LOW8_4.selectFrom(a0, a4);
            IntVector b1 = LOW8_4.selectFrom(a1, a5);
            IntVector b2 = LOW8_4.selectFrom(a2, a6);
            IntVector b3 = LOW8_4.selectFrom(a3, a7);
            IntVector b4 = HIGH8_4.selectFrom(a0, a4);
            IntVector b5 = HIGH8_4.selectFrom(a1, a5);
            IntVector b6 = HIGH8_4.selectFrom(a2, a6);
            IntVector b7 = HIGH8_4.selectFrom(a3, a7);
            IntVector c0 = LOW8_2.selectFrom(b0, b2);
            IntVector c1 = LOW8_2.selectFrom(b1, b3);
            IntVector c2 = HIGH8_2.selectFrom(b0, b2);
            IntVector c3 = HIGH8_2.selectFrom(b1, b3);
            IntVector c4 = LOW8_2.selectFrom(b4, b6);
            IntVector c5 = LOW8_2.selectFrom(b5, b7);
            IntVector c6 = HIGH8_2.selectFrom(b4, b6);
            IntVector c7 = HIGH8_2.selectFrom(b5, b7);
            int column = at + k * width;
            LOW8_1.selectFrom(c0, c1).reinterpretAsFloats().intoArray(to, column);
            HIGH8_1.selectFrom(c0, c1).reinterpretAsFloats().intoArray(to, column + width);
            LOW8_1.selectFrom(c2, c3).reinterpretAsFloats().intoArray(to, column + 2 * width);
            HIGH8_1.selectFrom(c2, c3).reinterpretAsFloats().intoArray(to, column + 3 * width);
            LOW8_1.selectFrom(c4, c5).reinterpretAsFloats().intoArray(to, column + 4 * width);
            HIGH8_1.selectFrom(c4, c5).reinterpretAsFloats().intoArray(to, column + 5 * width);
            LOW8_1.selectFrom(c6, c7).reinterpretAsFloats().intoArray(to, column + 6 * width);
            HIGH8_1.selectFrom(c6, c7).reinterpretAsFloats().intoArray(to, column + 7 * width);
        }
        return end;
    }

    /** As {@link #eightRows} with 4 in place of 8. */
    static int fourRows(float[] to, int at, int width, int depth, MemorySegment from, long base, long stride) {
        int end = depth & -4;
        for (int k = 0; k < end; k += 4) {
            long row = base + k;
            IntVector a0 = load(S4, from, row);
            IntVector a1 = load(S4, from, row + stride);
            IntVector a2 = load(S4, from, row + 2 * stride);
            IntVector a3 = load(S4, from, row + 3 * stride);
            IntVector b0 = LOW4_2.selectFrom(a0, a2);
            IntVector b1 = LOW4_2.selectFrom(a1, a3);
            IntVector b2 = HIGH4_2.selectFrom(a0, a2);
            IntVector b3 = HIGH4_2.selectFrom(a1, a3);
            int column = at + k * width;
            LOW4_1.selectFrom(b0, b1).reinterpretAsFloats().intoArray(to, column);
            HIGH4_1.selectFrom(b0, b1).reinterpretAsFloats().intoArray(to, column + width);
            LOW4_1.selectFrom(b2, b3).reinterpretAsFloats().intoArray(to, column + 2 * width);
            HIGH4_1.selectFrom(b2, b3).reinterpretAsFloats().intoArray(to, column + 3 * width);
        }
        return end;
    }
}
