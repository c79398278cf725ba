package dev.smallbatch.core.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** As {@link GemmPacking}, for a matrix of BF16: panels are floats. */
final class Bf16Packing {
    private static final int L = Lanes.COUNT;
    private static final ValueLayout.OfLong FOUR = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final int UPPER = 0xFFFF0000;

    private Bf16Packing() {}

    /**
     * One panel, values along memory: {@code to[at + k * width + i] = from[base + k * stride + i]} for i below valid, else 0.
     */
    static void along(float[] to, int at, int width, int depth, MemorySegment from, long base, long stride, int valid) {
        for (int k = 0; k < depth; k++) {
            long row = base + k * stride;
            int target = at + k * width;
            int i = 0;
            for (; i + L <= valid; i += L) {
                Bf16.load(from, row + i).intoArray(to, target + i);
            }
            for (; i < valid; i++) {
                to[target + i] = Bf16.get(from, row + i);
            }
            Arrays.fill(to, target + valid, target + width, 0);
        }
    }

    /**
     * One panel, values across memory: {@code to[at + k * width + i] = from[base + i * stride + k]} for i below valid, else 0.
     * Four numbers are loaded at a time, the first in the lowest bits: then the stores are all there is to wait for.
     */
    static void across(float[] to, int at, int width, int depth, MemorySegment from, long base, long stride, int valid) {
        for (int i = 0; i < valid; i++) {
            long row = base + i * stride;
            int k = 0;
            for (; k + 4 <= depth; k += 4) {
                long four = from.get(FOUR, row + k << 1);
                int target = at + i + k * width;
                to[target] = Float.intBitsToFloat((int) four << 16);
                to[target + width] = Float.intBitsToFloat((int) four & UPPER);
                to[target + 2 * width] = Float.intBitsToFloat((int) (four >>> 32) << 16);
                to[target + 3 * width] = Float.intBitsToFloat((int) (four >>> 32) & UPPER);
            }
            for (; k < depth; k++) {
                to[at + i + k * width] = Bf16.get(from, row + k);
            }
        }
        for (int i = valid; i < width; i++) {
            for (int k = 0; k < depth; k++) {
                to[at + i + k * width] = 0;
            }
        }
    }
}
