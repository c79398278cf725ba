package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.List;

/** Times the kernels that training spends its time in; the best of many repetitions. */
final class SpeedTest {
    /** Products of a GPT's forward and backward pass, one sequence of T tokens. */
    static final List<Product> PRODUCTS = List.of(
            new Product("up, T=256, dim 256", 256, 1024, 256, Transpose.NO, Transpose.YES),
            new Product("up, T=1024, dim 768", 1024, 3072, 768, Transpose.NO, Transpose.YES),
            new Product("weight gradient, dim 768", 3072, 768, 1024, Transpose.YES, Transpose.NO));

    /** A window without a better time than the ones before ends the measurement, once the JVM has had time to compile. */
    private static final long WINDOW_NANOS = 400_000_000;
    private static final int FEWEST_WINDOWS = 3;
    private static final int FEWEST_COLD_WINDOWS = 6;
    private static final int MOST_WINDOWS = 20;
    private static final double BETTER = 0.95;
    private static final long FLOATS = 16L << 20;

    private final Kernels kernels;
    private boolean warm;

    SpeedTest(Kernels kernels) {
        this.kernels = kernels;
    }

    /**
     * (M, N) = op(a) op(b) with inner size K.
     *
     * @param name where it comes from
     */
    record Product(String name, long m, long n, long k, Transpose ta, Transpose tb) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** Floating-point operations in billions per second. */
    double gigaflops(Product p) {
        Shape a = p.ta == Transpose.YES ? Shape.of(p.k, p.m) : Shape.of(p.m, p.k);
        Shape b = p.tb == Transpose.YES ? Shape.of(p.n, p.k) : Shape.of(p.k, p.n);
        Shape out = Shape.of(p.m, p.n);
        try (Region region = region(a, b, out)) {
            Tensor left = filled(region, a);
            Tensor right = filled(region, b);
            Tensor result = filled(region, out);
            double seconds = best(() -> kernels.matmul().matmul(result, left, p.ta, right, p.tb, 1, 0));
            return 2.0 * p.m * p.n * p.k / seconds / 1e9;
        }
    }

    /** Gigabytes per second of {@code y += a x}: two reads and a write. */
    double axpyBandwidth() {
        Shape shape = Shape.of(FLOATS);
        try (Region region = region(shape, shape)) {
            Tensor y = filled(region, shape);
            Tensor x = filled(region, shape);
            return 3.0 * FLOATS * Float.BYTES / best(() -> kernels.elementwise().axpy(y, 1e-6f, x)) / 1e9;
        }
    }

    /** Gigabytes per second written. */
    double fillBandwidth() {
        Shape shape = Shape.of(FLOATS);
        try (Region region = region(shape)) {
            Tensor x = filled(region, shape);
            return (double) FLOATS * Float.BYTES / best(() -> kernels.elementwise().fill(x, 1)) / 1e9;
        }
    }

    private static Region region(Shape... shapes) {
        long bytes = 0;
        for (Shape shape : shapes) {
            bytes += Region.bytesFor(DType.F32, shape);
        }
        return Region.create("speed test", bytes);
    }

    private Tensor filled(Region region, Shape shape) {
        Tensor tensor = region.allocate(DType.F32, shape);
        kernels.elementwise().fill(tensor, 0.5f);
        return tensor;
    }

    /** Seconds of the fastest repetition once the JVM has compiled the work. */
    private double best(Runnable work) {
        long best = Long.MAX_VALUE;
        for (int window = 1; ; window++) {
            long fastest = fastestOfWindow(work);
            boolean better = fastest < BETTER * best;
            best = Math.min(best, fastest);
            if (window >= (warm ? FEWEST_WINDOWS : FEWEST_COLD_WINDOWS) && !better || window == MOST_WINDOWS) {
                warm = true;
                return best * 1e-9;
            }
        }
    }

    private static long fastestOfWindow(Runnable work) {
        long fastest = Long.MAX_VALUE;
        long end = System.nanoTime() + WINDOW_NANOS;
        do {
            long begin = System.nanoTime();
            work.run();
            fastest = Math.min(fastest, System.nanoTime() - begin);
        } while (System.nanoTime() < end);
        return fastest;
    }
}
