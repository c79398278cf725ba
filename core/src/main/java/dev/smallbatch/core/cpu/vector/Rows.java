package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Sums over one row, and the cut of many rows into tasks. */
final class Rows {
    private static final int L = Lanes.COUNT;
    /** Elements of a task, at least one row: a few microseconds of work. */
    private static final int GRAIN = 1 << 13;

    private Rows() {}

    /** Works on one row. */
    @FunctionalInterface
    interface Body {
        void run(long row);
    }

    /** Runs body for every row; neighbouring rows form a task. */
    static void each(Parallel parallel, long rows, int cols, Body body) {
        int perTask = Math.max(1, GRAIN / Math.max(1, cols));
        parallel.run((int) ((rows + perTask - 1) / perTask), (task, thread) -> {
            long end = Math.min(rows, (long) (task + 1) * perTask);
            for (long row = (long) task * perTask; row < end; row++) {
                body.run(row);
            }
        });
    }

    /** {@code sums[j] += sum over rows of x[row, j]}, rows in ascending order. */
    static void addColumnSums(Parallel parallel, MemorySegment sums, MemorySegment x, long rows, int cols) {
        parallel.run((cols + L - 1) / L, (task, thread) -> {
            int j = task * L;
            VectorMask<Float> lanes = Lanes.first(cols - j);
            FloatVector sum = Lanes.load(sums, j, lanes);
            for (long row = 0; row < rows; row++) {
                sum = sum.add(Lanes.load(x, row * cols + j, lanes));
            }
            Lanes.store(sum, sums, j, lanes);
        });
    }

    static float sum(MemorySegment x, long at, int count) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            sum = sum.add(Lanes.load(x, at + i));
        }
        return Lanes.sum(sum.add(Lanes.load(x, at + i, Lanes.first(count - i))));
    }

    static float dot(MemorySegment a, long aAt, MemorySegment b, long bAt, int count) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            sum = Lanes.load(a, aAt + i).fma(Lanes.load(b, bAt + i), sum);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        return Lanes.sum(Lanes.load(a, aAt + i, rest).fma(Lanes.load(b, bAt + i, rest), sum));
    }

    /** Sum of {@code (x - mean)^2}. */
    static float squares(MemorySegment x, long at, int count, float mean) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector d = Lanes.load(x, at + i).sub(mean);
            sum = d.fma(d, sum);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        FloatVector d = Lanes.load(x, at + i, rest).sub(mean, rest);
        return Lanes.sum(d.fma(d, sum));
    }

    /** {@code out = factor * x}. */
    static void scale(MemorySegment out, long outAt, MemorySegment x, long xAt, int count, float factor) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(Lanes.load(x, xAt + i).mul(factor), out, outAt + i);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        Lanes.store(Lanes.load(x, xAt + i, rest).mul(factor), out, outAt + i, rest);
    }

    /** {@code out = factor * x * weight}. */
    static void scale(MemorySegment out, long outAt, MemorySegment x, long xAt, int count, float factor, MemorySegment weight) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(Lanes.load(x, xAt + i).mul(factor).mul(Lanes.load(weight, i)), out, outAt + i);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        Lanes.store(Lanes.load(x, xAt + i, rest).mul(factor).mul(Lanes.load(weight, i, rest)), out, outAt + i, rest);
    }
}
