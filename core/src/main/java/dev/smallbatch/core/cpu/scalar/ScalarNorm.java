package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.NormKernels;
import dev.smallbatch.core.tensor.Tensor;

/** Normalizations. Tasks are rows, or channels where a sum runs over rows. */
final class ScalarNorm implements NormKernels {
    private final Parallel parallel;

    ScalarNorm(Parallel parallel) {
        this.parallel = parallel;
    }

    /** out = (x - mean) * rstd * weight + bias. */
    @Override
    public void layerNorm(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps) {
        long C = x.shape().cols();
        Floats outs = new Floats(out);
        Floats means = new Floats(mean);
        Floats rstds = new Floats(rstd);
        Floats xs = new Floats(x);
        Floats weights = new Floats(weight);
        Floats biases = new Floats(bias);
        Grid.split(parallel, x.shape().rows(), C, (from, to) -> {
            for (long n = from; n < to; n++) {
                double sum = 0;
                for (long c = 0; c < C; c++) {
                    sum += xs.get(n * C + c);
                }
                double m = sum / C;
                double squares = 0;
                for (long c = 0; c < C; c++) {
                    double centered = xs.get(n * C + c) - m;
                    squares += centered * centered;
                }
                double r = 1 / Math.sqrt(squares / C + eps);
                for (long c = 0; c < C; c++) {
                    outs.set(n * C + c, (xs.get(n * C + c) - m) * r * weights.get(c) + biases.get(c));
                }
                means.set(n, m);
                rstds.set(n, r);
            }
        });
    }

    /**
     * Of out = h * weight + bias with h = (x - mean) * rstd, and g = dout * weight:
     * dx += rstd * (g - mean_c(g) - h * mean_c(g * h)), dweight += sum_n dout * h, dbias += sum_n dout.
     */
    @Override
    public void layerNormBackward(Tensor dx, Tensor dweight, Tensor dbias, Tensor dout, Tensor x, Tensor weight, Tensor mean,
            Tensor rstd) {
        long N = x.shape().rows();
        long C = x.shape().cols();
        Floats dxs = new Floats(dx);
        Floats dweights = new Floats(dweight);
        Floats dbiases = new Floats(dbias);
        Floats douts = new Floats(dout);
        Floats xs = new Floats(x);
        Floats weights = new Floats(weight);
        Floats means = new Floats(mean);
        Floats rstds = new Floats(rstd);
        Grid.split(parallel, N, C, (from, to) -> {
            for (long n = from; n < to; n++) {
                double gSum = 0;
                double ghSum = 0;
                for (long c = 0; c < C; c++) {
                    double h = (xs.get(n * C + c) - means.get(n)) * rstds.get(n);
                    double g = douts.get(n * C + c) * weights.get(c);
                    gSum += g;
                    ghSum += g * h;
                }
                for (long c = 0; c < C; c++) {
                    double h = (xs.get(n * C + c) - means.get(n)) * rstds.get(n);
                    double g = douts.get(n * C + c) * weights.get(c);
                    dxs.add(n * C + c, rstds.get(n) * (g - gSum / C - h * ghSum / C));
                }
            }
        });
        Grid.split(parallel, C, N, (from, to) -> {
            for (long c = from; c < to; c++) {
                double weightSum = 0;
                double biasSum = 0;
                for (long n = 0; n < N; n++) {
                    double h = (xs.get(n * C + c) - means.get(n)) * rstds.get(n);
                    weightSum += douts.get(n * C + c) * h;
                    biasSum += douts.get(n * C + c);
                }
                dweights.add(c, weightSum);
                dbiases.add(c, biasSum);
            }
        });
    }

    /** out = x * rstd * weight, rstd = 1 / sqrt(mean_c(x^2) + eps). */
    @Override
    public void rmsNorm(Tensor out, Tensor rstd, Tensor x, Tensor weight, float eps) {
        long C = x.shape().cols();
        Floats outs = new Floats(out);
        Floats rstds = new Floats(rstd);
        Floats xs = new Floats(x);
        Floats weights = weight == null ? null : new Floats(weight);
        Grid.split(parallel, x.shape().rows(), C, (from, to) -> {
            for (long n = from; n < to; n++) {
                double r = reciprocalRms(xs, n * C, C, eps);
                for (long c = 0; c < C; c++) {
                    outs.set(n * C + c, xs.get(n * C + c) * r * (weights == null ? 1 : weights.get(c)));
                }
                rstds.set(n, r);
            }
        });
    }

    private static double reciprocalRms(Floats x, long start, long size, float eps) {
        double squares = 0;
        for (long i = start; i < start + size; i++) {
            squares += x.get(i) * x.get(i);
        }
        return 1 / Math.sqrt(squares / size + eps);
    }

    /**
     * Of out = h * weight with h = x * rstd, and g = dout * weight:
     * dx += rstd * (g - h * mean_c(g * h)), dweight += sum_n dout * h.
     */
    @Override
    public void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dout, Tensor x, Tensor weight, Tensor rstd) {
        long N = x.shape().rows();
        long C = x.shape().cols();
        Floats dxs = new Floats(dx);
        Floats douts = new Floats(dout);
        Floats xs = new Floats(x);
        Floats weights = weight == null ? null : new Floats(weight);
        Floats rstds = new Floats(rstd);
        Grid.split(parallel, N, C, (from, to) -> {
            for (long n = from; n < to; n++) {
                double ghSum = 0;
                for (long c = 0; c < C; c++) {
                    double g = douts.get(n * C + c) * (weights == null ? 1 : weights.get(c));
                    ghSum += g * xs.get(n * C + c) * rstds.get(n);
                }
                for (long c = 0; c < C; c++) {
                    double h = xs.get(n * C + c) * rstds.get(n);
                    double g = douts.get(n * C + c) * (weights == null ? 1 : weights.get(c));
                    dxs.add(n * C + c, rstds.get(n) * (g - h * ghSum / C));
                }
            }
        });
        if (dweight == null) {
            return;
        }
        Floats dweights = new Floats(dweight);
        Grid.split(parallel, C, N, (from, to) -> {
            for (long c = from; c < to; c++) {
                double sum = 0;
                for (long n = 0; n < N; n++) {
                    sum += douts.get(n * C + c) * xs.get(n * C + c) * rstds.get(n);
                }
                dweights.add(c, sum);
            }
        });
    }

    /** out_s = x_s * rstd_s for every query and key head s of a row; values are copied. */
    @Override
    public void qkNorm(Tensor out, Tensor rstd, Tensor x, AttentionSpec spec, float eps) {
        int D = spec.headSize();
        int S = spec.heads() + spec.kvHeads();
        long C = spec.qkvCols();
        Floats outs = new Floats(out);
        Floats rstds = new Floats(rstd);
        Floats xs = new Floats(x);
        Grid.split(parallel, x.shape().rows(), C, (from, to) -> {
            for (long n = from; n < to; n++) {
                for (long s = 0; s < S; s++) {
                    long start = n * C + s * D;
                    double r = reciprocalRms(xs, start, D, eps);
                    for (long i = start; i < start + D; i++) {
                        outs.set(i, xs.get(i) * r);
                    }
                    rstds.set(n * S + s, r);
                }
                for (long i = n * C + spec.valueCol(); i < (n + 1) * C; i++) {
                    outs.set(i, xs.get(i));
                }
            }
        });
    }

    /** With h_s = x_s * rstd_s: dx_s = rstd_s * (dout_s - h_s * mean(dout_s * h_s)); values are copied. */
    @Override
    public void qkNormBackward(Tensor dx, Tensor dout, Tensor h, Tensor rstd, AttentionSpec spec) {
        int D = spec.headSize();
        int S = spec.heads() + spec.kvHeads();
        long C = spec.qkvCols();
        Floats dxs = new Floats(dx);
        Floats douts = new Floats(dout);
        Floats hs = new Floats(h);
        Floats rstds = new Floats(rstd);
        Grid.split(parallel, h.shape().rows(), C, (from, to) -> {
            for (long n = from; n < to; n++) {
                for (long s = 0; s < S; s++) {
                    long start = n * C + s * D;
                    double r = rstds.get(n * S + s);
                    double sum = 0;
                    for (long i = start; i < start + D; i++) {
                        sum += douts.get(i) * hs.get(i);
                    }
                    for (long i = start; i < start + D; i++) {
                        dxs.set(i, r * (douts.get(i) - hs.get(i) * sum / D));
                    }
                }
                for (long i = n * C + spec.valueCol(); i < (n + 1) * C; i++) {
                    dxs.set(i, douts.get(i));
                }
            }
        });
    }
}
