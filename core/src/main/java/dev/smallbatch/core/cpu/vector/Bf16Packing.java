package dev.smallbatch.core.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** As {@link GemmPacking}, for a matrix of BF16: panels are floats. */
final class Bf16Packing {
    private static final int L = Lanes.COUNT;

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

    /** One panel, values across memory: {@code to[at + k * width + i] = from[base + i * stride + k]} for i below valid, else 0. */
    static void across(float[] to, int at, int width, int depth, MemorySegment from, long base, long stride, int valid) {
        for (int i = 0; i < valid; i++) {
            long row = base + i * stride;
            int target = at + i;
            for (int k = 0; k < depth; k++) {
                to[target + k * width] = Bf16.get(from, row + k);
            }
        }
        for (int i = valid; i < width; i++) {
            for (int k = 0; k < depth; k++) {
                to[at + i + k * width] = 0;
            }
        }
    }
}
