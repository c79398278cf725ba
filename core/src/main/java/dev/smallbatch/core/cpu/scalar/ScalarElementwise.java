package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Exchange;
import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.Tensor;

/** Elementwise operations. Tasks are runs of elements. */
final class ScalarElementwise implements ElementwiseKernels {
    /** Elements of one partial sum. */
    private static final long TILE = 4096;

    private final Parallel parallel;

    ScalarElementwise(Parallel parallel) {
        this.parallel = parallel;
    }

    /** out[i] = value. */
    @Override
    public void fill(Tensor out, float value) {
        Floats outs = new Floats(out);
        Grid.split(parallel, out.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                outs.set(i, value);
            }
        });
    }

    /** out[i] = in[i] in another type. */
    @Override
    public void convert(Tensor out, Tensor in, Rounding rounding, long key) {
        Floats outs = new Floats(out, rounding, key);
        Grid.split(parallel, in.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                outs.setFloat(i, in.getFlat(i));
            }
        });
    }

    /** y[i] += a x[i]. */
    @Override
    public void axpy(Tensor y, float a, Tensor x) {
        Floats ys = new Floats(y);
        Floats xs = new Floats(x);
        Grid.split(parallel, x.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                ys.add(i, a * xs.get(i));
            }
        });
    }

    /** y[i] += a (x[i] - y[i]). */
    @Override
    public void lerp(Tensor y, float a, Tensor x) {
        Floats ys = new Floats(y);
        Floats xs = new Floats(x);
        Grid.split(parallel, x.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                ys.add(i, a * (xs.get(i) - ys.get(i)));
            }
        });
    }

    /** a[i] and b[i] change places. */
    @Override
    public void exchange(Tensor a, Tensor b) {
        Grid.split(parallel, a.numel(), 1, (from, to) -> Exchange.run(a, b, from, to));
    }

    /** y[i] = keep y[i] + factor a[i] b[i]. */
    @Override
    public void addProduct(Tensor y, float keep, float factor, Tensor a, Tensor b) {
        Floats ys = new Floats(y);
        Floats as = new Floats(a);
        Floats bs = new Floats(b);
        Grid.split(parallel, y.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                ys.set(i, keep * ys.get(i) + factor * as.get(i) * bs.get(i));
            }
        });
    }

    /** out[i] = a[i] + b[i]. */
    @Override
    public void add(Tensor out, Tensor a, Tensor b) {
        Floats outs = new Floats(out);
        Floats as = new Floats(a);
        Floats bs = new Floats(b);
        Grid.split(parallel, out.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                outs.set(i, as.get(i) + bs.get(i));
            }
        });
    }

    /** result = sum_i x[i]^2, tile by tile. */
    @Override
    public void sumOfSquares(Tensor result, Tensor x) {
        new Floats(result).set(0, sumOfSquares(x));
    }

    private double sumOfSquares(Tensor x) {
        Floats xs = new Floats(x);
        double[] sums = new double[Math.toIntExact(Math.ceilDiv(x.numel(), TILE))];
        Grid.split(parallel, sums.length, TILE, (from, to) -> {
            for (int tile = (int) from; tile < to; tile++) {
                for (long i = tile * TILE; i < Math.min(x.numel(), (tile + 1) * TILE); i++) {
                    sums[tile] += xs.get(i) * xs.get(i);
                }
            }
        });
        double sum = 0;
        for (double partial : sums) {
            sum += partial;
        }
        return sum;
    }

    /** x[i] = f x[i], f = min(1, growth length / |x|); length = f |x|. */
    @Override
    public void limitGrowth(Tensor x, Tensor length, float growth) {
        Floats xs = new Floats(x);
        double now = Math.sqrt(sumOfSquares(x));
        double most = (double) growth * length.getFlat(0);
        double factor = most == 0 || now == 0 ? 1 : Math.min(1, most / now);
        Grid.split(parallel, x.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                xs.set(i, factor * xs.get(i));
            }
        });
        new Floats(length).set(0, factor * now);
    }
}
