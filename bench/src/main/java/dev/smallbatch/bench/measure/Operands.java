package dev.smallbatch.bench.measure;

import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.function.Function;

/**
 * Tensors to compute with, in a region of just their size. Their numbers are random and tame: times do not depend on them, but
 * would on NaN and denormals.
 *
 * @param region where they live; one that only counts is left without numbers
 */
public record Operands(Region region) {
    /**
     * Work whose operands are allocated when it is made.
     *
     * @param region owns them, to be closed
     * @param work what was made
     */
    public record Placed<T>(Region region, T work) implements AutoCloseable {
        @Override
        public void close() {
            region.close();
        }
    }

    /** Calls {@code make} twice: once to count the memory it takes, once to allocate it. */
    public static <T> Placed<T> place(Function<Operands, T> make) {
        Region counting = Region.counting("operands");
        make.apply(new Operands(counting));
        Region region = Region.create("operands", counting.peak());
        return new Placed<>(region, make.apply(new Operands(region)));
    }

    /** F32, uniform between -1 and 1, different for each tensor of a region. */
    public Tensor uniform(long... dims) {
        return uniform(DType.F32, dims);
    }

    /** F32 or BF16, uniform between -1 and 1. */
    public Tensor uniform(DType dtype, long... dims) {
        Tensor tensor = region.allocate(dtype, Shape.of(dims));
        new Init.Uniform(1).fill(tensor, RandomKey.of(1).at(region.used()));
        return tensor;
    }

    /** F32, the given numbers. */
    public Tensor numbers(float... values) {
        Tensor tensor = region.allocate(DType.F32, Shape.of(values.length));
        if (!tensor.isPlanned()) {
            tensor.copyFrom(values);
        }
        return tensor;
    }

    /** I32, uniform from 0 to {@code below - 1}. */
    public Tensor integers(int below, long... dims) {
        Tensor tensor = region.allocate(DType.I32, Shape.of(dims));
        if (!tensor.isPlanned()) {
            RandomKey key = RandomKey.of(1).at(region.used());
            int[] values = new int[Math.toIntExact(tensor.numel())];
            for (int i = 0; i < values.length; i++) {
                values[i] = (int) (key.uniform(i) * below);
            }
            tensor.copyFrom(values);
        }
        return tensor;
    }
}
