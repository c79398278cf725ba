package dev.smallbatch.bench.example;

import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.BFloat16;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.ValueLayout;

/** Elementwise operations in one thread, as plain as they can be. Arguments were checked before they come here. */
final class ExampleElementwise implements ElementwiseKernels {
    private final ElementwiseKernels scalar;

    /** @param scalar does what is not written yet */
    ExampleElementwise(ElementwiseKernels scalar) {
        this.scalar = scalar;
    }

    @Override
    public void fill(Tensor out, float value) {
        for (long i = 0; i < out.numel(); i++) {
            set(out, i, value);
        }
    }

    @Override
    public void convert(Tensor out, Tensor in, Rounding rounding, long key) {
        scalar.convert(out, in, rounding, key);
    }

    @Override
    public void axpy(Tensor y, float a, Tensor x) {
        for (long i = 0; i < x.numel(); i++) {
            set(y, i, Math.fma(a, x.getFlat(i), y.getFlat(i)));
        }
    }

    @Override
    public void lerp(Tensor y, float a, Tensor x) {
        scalar.lerp(y, a, x);
    }

    @Override
    public void exchange(Tensor a, Tensor b) {
        scalar.exchange(a, b);
    }

    @Override
    public void addProduct(Tensor y, float keep, float factor, Tensor a, Tensor b) {
        scalar.addProduct(y, keep, factor, a, b);
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b) {
        for (long i = 0; i < out.numel(); i++) {
            set(out, i, a.getFlat(i) + b.getFlat(i));
        }
    }

    @Override
    public void sumOfSquares(Tensor result, Tensor x) {
        double sum = 0;
        for (long i = 0; i < x.numel(); i++) {
            double value = x.getFlat(i);
            sum += value * value;
        }
        set(result, 0, (float) sum);
    }

    @Override
    public void limitGrowth(Tensor x, Tensor length, float growth) {
        scalar.limitGrowth(x, length, growth);
    }

    private static void set(Tensor tensor, long i, float value) {
        if (tensor.dtype() == DType.BF16) {
            tensor.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, BFloat16.nearestEven(value));
        } else {
            tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
    }
}
