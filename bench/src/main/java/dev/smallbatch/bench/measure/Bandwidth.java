package dev.smallbatch.bench.measure;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * How fast kernels read memory, in bytes per second: the best pass over a buffer that no cache holds.
 *
 * @param sum by the sum of squares
 * @param linear by the product of a matrix with one vector, as in generation
 */
public record Bandwidth(double sum, double linear) {
    private static final int COLUMNS = 1024;

    /**
     * @param bytes size of the buffer, much larger than the caches
     * @param passes over the buffer in each of the two ways
     */
    public static Bandwidth measure(Kernels kernels, long bytes, Timings.AtLeast passes) {
        Shape shape = Shape.of(bytes / DType.F32.bytes() / COLUMNS, COLUMNS);
        Shape outputs = Shape.of(1, shape.rows());
        Shape inputs = Shape.of(1, COLUMNS);
        Shape one = Shape.of(1);
        try (Region region = Region.create("bandwidth", Region.bytesFor(DType.F32, shape) + Region.bytesFor(DType.F32, outputs)
                + Region.bytesFor(DType.F32, inputs) + Region.bytesFor(DType.F32, one))) {
            Tensor buffer = region.allocate(DType.F32, shape);
            Tensor out = region.allocate(DType.F32, outputs);
            Tensor in = region.allocate(DType.F32, inputs);
            Tensor result = region.allocate(DType.F32, one);
            // Also gives every page memory of its own: pages never written would all be the same page of zeros.
            kernels.elementwise().fill(buffer, 1);
            kernels.elementwise().fill(in, 1);
            Timings sum = Timings.repeat(passes, () -> kernels.elementwise().sumOfSquares(result, buffer));
            Timings linear = Timings.repeat(passes, () -> kernels.matmul().linear(out, in, buffer, null));
            return new Bandwidth(buffer.bytes() / sum.best(), buffer.bytes() / linear.best());
        }
    }

    /**
     * Bytes per second read and written by {@code y += a x}, the best pass: more than by reading alone.
     *
     * @param bytes size of each of the two buffers
     */
    static double ofAxpy(Kernels kernels, long bytes, Timings.AtLeast passes) {
        Shape shape = Shape.of(bytes / DType.F32.bytes());
        try (Region region = Region.create("bandwidth", 2 * Region.bytesFor(DType.F32, shape))) {
            Tensor x = region.allocate(DType.F32, shape);
            Tensor y = region.allocate(DType.F32, shape);
            kernels.elementwise().fill(x, 1);
            kernels.elementwise().fill(y, 1);
            return 3 * x.bytes() / Timings.repeat(passes, () -> kernels.elementwise().axpy(y, 1e-6f, x)).best();
        }
    }

    /** The larger of each. */
    public Bandwidth better(Bandwidth other) {
        return new Bandwidth(Math.max(sum, other.sum), Math.max(linear, other.linear));
    }

    public double best() {
        return Math.max(sum, linear);
    }
}
