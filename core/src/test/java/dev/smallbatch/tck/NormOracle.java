package dev.smallbatch.tck;

import dev.smallbatch.core.spi.AttentionSpec;
import java.util.Arrays;
import java.util.List;

/** Normalizations and their gradients by their formulas, in double. Rows of C elements. */
final class NormOracle {
    private static final double C_NORM = 2;

    private NormOracle() {}

    /** Mean of each row. */
    static double[] means(double[] x, int C) {
        double[] mean = new double[x.length / C];
        for (int i = 0; i < x.length; i++) {
            mean[i / C] += x[i];
        }
        for (int n = 0; n < mean.length; n++) {
            mean[n] /= C;
        }
        return mean;
    }

    /** {@code 1 / sqrt(mean((x - mean)^2) + eps)} of each row. */
    static double[] rstds(double[] x, double[] mean, int C, double eps) {
        double[] rstd = new double[x.length / C];
        for (int i = 0; i < x.length; i++) {
            double centred = x[i] - mean[i / C];
            rstd[i / C] += centred * centred;
        }
        for (int n = 0; n < rstd.length; n++) {
            rstd[n] = 1 / Math.sqrt(rstd[n] / C + eps);
        }
        return rstd;
    }

    /** {@code (x - mean) rstd weight + bias}; null weight means ones, null bias zeros. */
    static double[] scaled(double[] x, double[] mean, double[] rstd, double[] weight, double[] bias, int C) {
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            double h = (x[i] - mean[i / C]) * rstd[i / C];
            out[i] = h * (weight == null ? 1 : weight[i % C]) + (bias == null ? 0 : bias[i % C]);
        }
        return out;
    }

    static double[] layerNorm(double[] x, double[] weight, double[] bias, int C, double eps) {
        double[] mean = means(x, C);
        return scaled(x, mean, rstds(x, mean, C, eps), weight, bias, C);
    }

    static double[] rmsNorm(double[] x, double[] weight, int C, double eps) {
        double[] zero = new double[x.length / C];
        return scaled(x, zero, rstds(x, zero, C, eps), weight, null, C);
    }

    /** Output, mean and reciprocal deviation of {@link #layerNorm}. */
    static List<Expected> expectedLayerNorm(double[] x, double[] weight, double[] bias, int C, double eps) {
        double[] mean = means(x, C);
        double[] rstd = rstds(x, mean, C, eps);
        double[] size = new double[mean.length];
        for (int n = 0; n < size.length; n++) {
            size[n] = Math.abs(mean[n]) + rootMeanSquare(x, n, C) / Math.sqrt(C);
        }
        return List.of(expectedScaled(x, mean, size, rstd, weight, bias, C), Expected.within(C_NORM, C, mean, size),
                Expected.within(C_NORM, C, rstd, rstd));
    }

    /** Output and reciprocal root mean square of {@link #rmsNorm}. */
    static List<Expected> expectedRmsNorm(double[] x, double[] weight, int C, double eps) {
        double[] zero = new double[x.length / C];
        double[] rstd = rstds(x, zero, C, eps);
        return List.of(expectedScaled(x, zero, zero, rstd, weight, null, C), Expected.within(C_NORM, C, rstd, rstd));
    }

    private static Expected expectedScaled(double[] x, double[] mean, double[] meanSize, double[] rstd, double[] weight,
            double[] bias, int C) {
        double[] scale = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            int n = i / C;
            double width = Math.abs(x[i] - mean[n]) + meanSize[n];
            scale[i] = width * rstd[n] * (weight == null ? 1 : Math.abs(weight[i % C]))
                    + (bias == null ? 0 : Math.abs(bias[i % C]));
        }
        return Expected.within(C_NORM, C, scaled(x, mean, rstd, weight, bias, C), scale);
    }

    private static double rootMeanSquare(double[] x, int n, int C) {
        double squares = 0;
        for (int c = 0; c < C; c++) {
            squares += x[n * C + c] * x[n * C + c];
        }
        return Math.sqrt(squares / C);
    }

    /**
     * {@code dx + rstd (g - mean(g) - h mean(g h))} with {@code h = (x - mean) rstd}, {@code g = dout weight}.
     *
     * @param centred whether the mean of g is subtracted: layer norm does, root-mean-square norm does not
     */
    static Expected dx(double[] dx, double[] dout, double[] x, double[] weight, double[] mean, double[] rstd, int C,
            boolean centred) {
        double[] value = dx.clone();
        double[] scale = new double[dx.length];
        for (int n = 0; n < rstd.length; n++) {
            double meanG = 0;
            double meanGh = 0;
            double squaresG = 0;
            double squaresGh = 0;
            for (int c = 0; c < C; c++) {
                double g = dout[n * C + c] * (weight == null ? 1 : weight[c]);
                double h = (x[n * C + c] - mean[n]) * rstd[n];
                meanG += centred ? g / C : 0;
                meanGh += g * h / C;
                squaresG += g * g / C;
                squaresGh += g * h * g * h / C;
            }
            for (int c = 0; c < C; c++) {
                int i = n * C + c;
                double g = dout[i] * (weight == null ? 1 : weight[c]);
                double h = (x[i] - mean[n]) * rstd[n];
                value[i] += rstd[n] * (g - meanG - h * meanGh);
                scale[i] = Math.abs(dx[i]) + rstd[n] * (Math.abs(g) + Math.abs(meanG) + Math.sqrt(squaresG / C)
                        + Math.abs(h) * (Math.abs(meanGh) + Math.sqrt(squaresGh / C)));
            }
        }
        return Expected.within(C_NORM, C, value, scale);
    }

    /** {@code dweight + sum over rows of dout h}. */
    static Expected dweight(double[] dweight, double[] dout, double[] x, double[] mean, double[] rstd, int C) {
        double[] terms = scaled(x, mean, rstd, null, null, C);
        for (int i = 0; i < terms.length; i++) {
            terms[i] *= dout[i];
        }
        Expected sums = MatmulOracle.columnSums(dweight, terms, rstd.length, C);
        double[] bound = sums.bound();
        for (int c = 0; c < C; c++) {
            bound[c] *= 2;
        }
        return new Expected(sums.value(), bound);
    }

    /** Root-mean-square norm of query and key heads; values as they are. */
    static double[] qkNorm(double[] x, AttentionSpec spec, double eps) {
        double[] out = x.clone();
        double[] rstd = qkRstd(x, spec, eps);
        for (int s = 0; s < rstd.length; s++) {
            for (int d = 0; d < spec.headSize(); d++) {
                out[sliceStart(s, spec) + d] *= rstd[s];
            }
        }
        return out;
    }

    /** {@code 1 / sqrt(mean(x_s^2) + eps)} of every query and key head s, query heads first. */
    static double[] qkRstd(double[] x, AttentionSpec spec, double eps) {
        int D = spec.headSize();
        double[] rstd = new double[spec.batch() * spec.time() * (spec.heads() + spec.kvHeads())];
        for (int s = 0; s < rstd.length; s++) {
            for (int d = 0; d < D; d++) {
                double element = x[sliceStart(s, spec) + d];
                rstd[s] += element * element / D;
            }
            rstd[s] = 1 / Math.sqrt(rstd[s] + eps);
        }
        return rstd;
    }

    static List<Expected> expectedQkNorm(double[] x, AttentionSpec spec, double eps) {
        double[] value = qkNorm(x, spec, eps);
        double[] rstd = qkRstd(x, spec, eps);
        double[] scale = new double[x.length];
        for (int s = 0; s < rstd.length; s++) {
            for (int d = 0; d < spec.headSize(); d++) {
                scale[sliceStart(s, spec) + d] = Math.abs(value[sliceStart(s, spec) + d]);
            }
        }
        return List.of(Expected.within(C_NORM, spec.headSize(), value, scale),
                Expected.within(C_NORM, spec.headSize(), rstd, rstd));
    }

    /** Gradient of {@link #qkNorm} from its result h, slice by slice that of the root-mean-square norm. */
    static Expected qkNormBackward(double[] dout, double[] h, double[] rstd, AttentionSpec spec) {
        int D = spec.headSize();
        double[] value = dout.clone();
        double[] bound = new double[h.length];
        for (int s = 0; s < rstd.length; s++) {
            int at = sliceStart(s, spec);
            double r = rstd[s];
            double[] x = Arrays.stream(part(h, at, D)).map(v -> v / r).toArray();
            Expected slice = dx(new double[D], part(dout, at, D), x, null, new double[1], new double[] {r}, D, false);
            System.arraycopy(slice.value(), 0, value, at, D);
            System.arraycopy(slice.bound(), 0, bound, at, D);
        }
        return new Expected(value, bound);
    }

    /** First element of query or key head number {@code s} over all positions. */
    private static int sliceStart(int s, AttentionSpec spec) {
        int heads = spec.heads() + spec.kvHeads();
        int row = s / heads;
        return row * (spec.heads() + 2 * spec.kvHeads()) * spec.headSize() + s % heads * spec.headSize();
    }

    private static double[] part(double[] x, int from, int count) {
        return Arrays.copyOfRange(x, from, from + count);
    }
}
