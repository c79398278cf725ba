package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.rand.Philox;
import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Elementwise operations, bound by memory: each reads and writes every element once. */
final class VectorElementwise implements ElementwiseKernels {
    private static final int L = Lanes.COUNT;
    private static final VectorSpecies<Double> DOUBLES = VectorSpecies.of(double.class, Lanes.SPECIES.vectorShape());

    private final Chunks chunks;
    private final Parallel parallel;
    private double[] partial = new double[1];

    VectorElementwise(Parallel parallel) {
        this.parallel = parallel;
        this.chunks = new Chunks(parallel);
    }

    @Override
    public void fill(Tensor out, float value) {
        MemorySegment o = out.segment();
        FloatVector v = Lanes.all(value);
        chunks.run(out.numel(), (from, count) -> {
            int i = 0;
            for (; i + L <= count; i += L) {
                Lanes.store(v, o, from + i);
            }
            Lanes.store(v, o, from + i, Lanes.first(count - i));
        });
    }

    @Override
    public void axpy(Tensor y, float a, Tensor x) {
        MemorySegment to = y.segment();
        MemorySegment in = x.segment();
        FloatVector factor = Lanes.all(a);
        chunks.run(y.numel(), (from, count) -> {
            int i = 0;
            for (; i + L <= count; i += L) {
                Lanes.store(factor.fma(Lanes.load(in, from + i), Lanes.load(to, from + i)), to, from + i);
            }
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(factor.fma(Lanes.load(in, from + i, rest), Lanes.load(to, from + i, rest)), to, from + i, rest);
        });
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b) {
        MemorySegment o = out.segment();
        MemorySegment left = a.segment();
        MemorySegment right = b.segment();
        chunks.run(out.numel(), (from, count) -> {
            int i = 0;
            for (; i + L <= count; i += L) {
                Lanes.store(Lanes.load(left, from + i).add(Lanes.load(right, from + i)), o, from + i);
            }
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(Lanes.load(left, from + i, rest).add(Lanes.load(right, from + i, rest)), o, from + i, rest);
        });
    }

    @Override
    public void sumOfSquares(Tensor result, Tensor x) {
        MemorySegment in = x.segment();
        int tasks = chunks.count(x.numel());
        if (partial.length < tasks) {
            partial = new double[tasks];
        }
        double[] sums = partial;
        chunks.run(x.numel(), (from, count) -> sums[(int) (from / Chunks.SIZE)] = squares(in, from, count));
        double sum = 0;
        for (int task = 0; task < tasks; task++) {
            sum += sums[task];
        }
        result.segment().set(ValueLayout.JAVA_FLOAT, 0, (float) sum);
    }

    private static double squares(MemorySegment in, long from, int count) {
        DoubleVector low = DoubleVector.zero(DOUBLES);
        DoubleVector high = DoubleVector.zero(DOUBLES);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector v = Lanes.load(in, from + i);
            DoubleVector a = (DoubleVector) v.convertShape(VectorOperators.F2D, DOUBLES, 0);
            DoubleVector b = (DoubleVector) v.convertShape(VectorOperators.F2D, DOUBLES, 1);
            low = a.fma(a, low);
            high = b.fma(b, high);
        }
        DoubleVector both = low.add(high);
        double sum = 0;
        for (int lane = 0; lane < DOUBLES.length(); lane++) {
            sum += both.lane(lane);
        }
        for (; i < count; i++) {
            double x = in.get(ValueLayout.JAVA_FLOAT, (from + i) << 2);
            sum += x * x;
        }
        return sum;
    }

    @Override
    public void convert(Tensor out, Tensor in, Rounding rounding, long key) {
        MemorySegment to = out.segment();
        MemorySegment from = in.segment();
        DType target = out.dtype();
        DType source = in.dtype();
        parallel.run(chunks.count(in.numel()), (task, thread) -> {
            long start = (long) task * Chunks.SIZE;
            long end = Math.min(in.numel(), start + Chunks.SIZE);
            if (source == target) {
                MemorySegment.copy(from, start << 2, to, start << 2, (end - start) << 2);
            } else if (target == DType.BF16) {
                toBf16(to, from, start, end, rounding, key);
            } else if (source == DType.BF16) {
                for (long i = start; i < end; i++) {
                    int bits = from.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16;
                    to.setAtIndex(ValueLayout.JAVA_INT, i, bits);
                }
            } else {
                for (long i = start; i < end; i++) {
                    to.setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.float16ToFloat(from.getAtIndex(ValueLayout.JAVA_SHORT, i)));
                }
            }
        });
    }

    private static void toBf16(MemorySegment to, MemorySegment from, long start, long end, Rounding rounding, long key) {
        for (long i = start; i < end; i++) {
            int bits = from.getAtIndex(ValueLayout.JAVA_INT, i);
            boolean finite = (bits & 0x7f800000) != 0x7f800000;
            if (finite) {
                bits += rounding == Rounding.STOCHASTIC ? Philox.word(key, i) >>> 16 : 0x7fff + (bits >>> 16 & 1);
            } else if ((bits & 0x7fffff) != 0) {
                bits |= 0x400000;
            }
            to.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
        }
    }
}
