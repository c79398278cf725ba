package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * One T x D slice of every head of some batch elements, packed for {@link GemmTile} as its left operand. <em>Rows</em>:
 * panels of ROWS times, k running over D. <em>Columns</em>: panels of ROWS channels, k running over T; a sum over some of the
 * times starts inside the panel. The array grows to the largest call and stays.
 */
final class HeadPanels {
    private static final int ROWS = GemmTile.ROWS;

    private float[] data = new float[0];
    private int time;
    private int size;
    private int perHead;

    /** Makes room for {@code heads} slices of {@code time} by {@code size}. */
    void resize(int heads, int time, int size) {
        this.time = time;
        this.size = size;
        this.perHead = Math.max(padded(time) * size, padded(size) * time);
        long floats = (long) heads * perHead;
        if (data.length < floats) {
            data = new float[Math.toIntExact(floats)];
        }
    }

    float[] data() {
        return data;
    }

    /** Packs panels over time: element (t, d) is {@code from[base + t * stride + d]}. */
    void packRows(int head, Tensor tensor, long base, int stride) {
        MemorySegment from = tensor.segment();
        for (int t = 0; t < time; t += ROWS) {
            GemmPacking.across(data, rowsAt(head, t), ROWS, size, from, base + (long) t * stride, stride,
                    Math.min(ROWS, time - t));
        }
    }

    /** Packs panels over channels of the same elements. */
    void packColumns(int head, Tensor tensor, long base, int stride) {
        MemorySegment from = tensor.segment();
        for (int d = 0; d < size; d += ROWS) {
            GemmPacking.along(data, columnsAt(head, d, 0), ROWS, time, from, base + d, stride, Math.min(ROWS, size - d));
        }
    }

    /** Where the panel of times {@code t} to {@code t + ROWS - 1} starts; t is a multiple of ROWS. */
    int rowsAt(int head, int t) {
        return head * perHead + t * size;
    }

    /** Where time {@code t} of the panel of channels {@code d} to {@code d + ROWS - 1} starts; d is a multiple of ROWS. */
    int columnsAt(int head, int d, int t) {
        return head * perHead + d * time + t * ROWS;
    }

    static int padded(int n) {
        return (n + ROWS - 1) / ROWS * ROWS;
    }
}
