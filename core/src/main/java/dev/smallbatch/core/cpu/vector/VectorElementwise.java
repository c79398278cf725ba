package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Exchange;
import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
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
    private final WeightBlocks weights;
    private double[] partial = new double[1];

    VectorElementwise(Parallel parallel, WeightBlocks weights) {
        this.weights = weights;
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
        MemorySegment in = x.segment();
        FloatVector factor = Lanes.all(a);
        weights.update(y, Rounding.NEAREST_EVEN, 0, (to, at, from, count) -> {
            int i = 0;
            for (; i + L <= count; i += L) {
                Lanes.store(factor.fma(Lanes.load(in, from + i), Lanes.load(to, at + i)), to, at + i);
            }
            if (i < count) {
                VectorMask<Float> rest = Lanes.first(count - i);
                Lanes.store(factor.fma(Lanes.load(in, from + i, rest), Lanes.load(to, at + i, rest)), to, at + i, rest);
            }
        });
    }

    @Override
    public void lerp(Tensor y, float a, Tensor x) {
        MemorySegment to = y.segment();
        FloatVector factor = Lanes.all(a);
        weights.read(x, (in, at, from, count) -> {
            int i = 0;
            for (; i + L <= count; i += L) {
                FloatVector old = Lanes.load(to, from + i);
                Lanes.store(factor.fma(Lanes.load(in, at + i).sub(old), old), to, from + i);
            }
            if (i < count) {
                VectorMask<Float> rest = Lanes.first(count - i);
                FloatVector old = Lanes.load(to, from + i, rest);
                Lanes.store(factor.fma(Lanes.load(in, at + i, rest).sub(old), old), to, from + i, rest);
            }
        });
    }

    @Override
    public void exchange(Tensor a, Tensor b) {
        chunks.run(a.numel(), (from, count) -> Exchange.run(a, b, from, from + count));
    }

    @Override
    public void addProduct(Tensor y, float keep, float factor, Tensor a, Tensor b) {
        MemorySegment to = y.segment();
        MemorySegment left = a.segment();
        MemorySegment right = b.segment();
        chunks.run(y.numel(), (from, count) -> {
            int i = 0;
            for (; i + L <= count; i += L) {
                FloatVector product = Lanes.load(left, from + i).mul(factor).mul(Lanes.load(right, from + i));
                Lanes.store(Lanes.load(to, from + i).fma(Lanes.all(keep), product), to, from + i);
            }
            if (i < count) {
                VectorMask<Float> rest = Lanes.first(count - i);
                FloatVector product = Lanes.load(left, from + i, rest).mul(factor).mul(Lanes.load(right, from + i, rest));
                Lanes.store(Lanes.load(to, from + i, rest).fma(Lanes.all(keep), product), to, from + i, rest);
            }
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
            if (i < count) {
                VectorMask<Float> rest = Lanes.first(count - i);
                Lanes.store(Lanes.load(left, from + i, rest).add(Lanes.load(right, from + i, rest)), o, from + i, rest);
            }
        });
    }

    @Override
    public void sumOfSquares(Tensor result, Tensor x) {
        result.segment().set(ValueLayout.JAVA_FLOAT, 0, (float) sumOfSquares(x));
    }

    double sumOfSquares(Tensor x) {
        int tasks = chunks.count(x.numel());
        if (partial.length < tasks) {
            partial = new double[tasks];
        }
        double[] sums = partial;
        Arrays.fill(sums, 0, tasks, 0);
        weights.read(x, (values, at, from, count) -> sums[(int) (from / Chunks.SIZE)] += squares(values, at, count));
        double sum = 0;
        for (int task = 0; task < tasks; task++) {
            sum += sums[task];
        }
        return sum;
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
    public void limitGrowth(Tensor x, Tensor length, float growth) {
        MemorySegment values = x.segment();
        double now = Math.sqrt(sumOfSquares(x));
        double most = (double) growth * length.segment().get(ValueLayout.JAVA_FLOAT, 0);
        double factor = most == 0 || now == 0 ? 1 : Math.min(1, most / now);
        length.segment().set(ValueLayout.JAVA_FLOAT, 0, (float) (factor * now));
        if (factor != 1) {
            chunks.run(x.numel(), (from, count) -> {
                int i = 0;
                for (; i + L <= count; i += L) {
                    Lanes.store(Lanes.load(values, from + i).mul((float) factor), values, from + i);
                }
                VectorMask<Float> rest = Lanes.first(count - i);
                Lanes.store(Lanes.load(values, from + i, rest).mul((float) factor), values, from + i, rest);
            });
        }
    }

    @Override
    public void convert(Tensor out, Tensor in, Rounding rounding, long key) {
        MemorySegment to = out.segment();
        MemorySegment source = in.segment();
        if (in.dtype() == out.dtype()) {
            chunks.run(in.numel(), (from, count) -> MemorySegment.copy(source, from << 2, to, from << 2, (long) count << 2));
        } else if (out.dtype() == DType.BF16) {
            weights.round(out, in, rounding, key);
        } else if (in.dtype() == DType.BF16) {
            chunks.run(in.numel(), (from, count) -> Bf16.widen(to, from, source, from, count));
        } else {
            chunks.run(in.numel(), (from, count) -> {
                for (long i = from; i < from + count; i++) {
                    to.setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.float16ToFloat(source.getAtIndex(ValueLayout.JAVA_SHORT, i)));
                }
            });
        }
    }
}
