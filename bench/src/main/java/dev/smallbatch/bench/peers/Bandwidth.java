package dev.smallbatch.bench.peers;

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
record Bandwidth(double sum, double linear) {
    private static final int COLUMNS = 1024;

    /**
     * @param bytes size of the buffer, much larger than the caches
     * @param passes over the buffer in each of the two ways
     */
    static Bandwidth measure(Kernels kernels, long bytes, Timings.AtLeast passes) {
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

    /** The larger of each. */
    Bandwidth better(Bandwidth other) {
        return new Bandwidth(Math.max(sum, other.sum), Math.max(linear, other.linear));
    }

    double best() {
        return Math.max(sum, linear);
    }
}
