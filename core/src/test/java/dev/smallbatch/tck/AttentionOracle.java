package dev.smallbatch.tck;

import dev.smallbatch.core.spi.AttentionSpec;
import java.util.List;

/** Rotary embedding and causal attention by their formulas, in double, with the whole row of probabilities at hand. */
final class AttentionOracle {
    private static final double C_ATTENTION = 2;
    private static final double C_ROPE = 2;
    /** A probability below the normal range of float may be taken for zero. */
    private static final double FLUSHED = Float.MIN_NORMAL / Expected.UNIT;

    private final int B;
    private final int T;
    private final int H;
    private final int G;
    private final int D;
    private final double factor;

    /** Sizes only; the column arithmetic is this class's own. */
    AttentionOracle(AttentionSpec spec) {
        B = spec.batch();
        T = spec.time();
        H = spec.heads();
        G = spec.kvHeads();
        D = spec.headSize();
        factor = 1 / Math.sqrt(D);
    }

    private int query(int b, int t, int h) {
        return ((b * T + t) * (H + 2 * G) + h) * D;
    }

    private int key(int b, int t, int h) {
        return ((b * T + t) * (H + 2 * G) + H + h / (H / G)) * D;
    }

    private int value(int b, int t, int h) {
        return key(b, t, h) + G * D;
    }

    private int out(int b, int t, int h) {
        return ((b * T + t) * H + h) * D;
    }

    private int lse(int b, int t, int h) {
        return (b * H + h) * T + t;
    }

    /** Pairs (i, i + D/2) of every query and key head turned by the angle of their time; values as they are. */
    Expected rope(double[] x, double[] cos, double[] sin, boolean inverse) {
        double[] value = x.clone();
        double[] scale = new double[x.length];
        int half = D / 2;
        for (int row = 0; row < B * T; row++) {
            for (int h = 0; h < H + G; h++) {
                for (int i = 0; i < half; i++) {
                    int first = (row * (H + 2 * G) + h) * D + i;
                    double a = x[first];
                    double b = x[first + half];
                    double c = cos[row % T * half + i];
                    double s = sin[row % T * half + i] * (inverse ? -1 : 1);
                    value[first] = a * c - b * s;
                    value[first + half] = b * c + a * s;
                    scale[first] = Math.abs(a * c) + Math.abs(b * s);
                    scale[first + half] = Math.abs(b * c) + Math.abs(a * s);
                }
            }
        }
        return Expected.within(C_ROPE, 2, value, scale);
    }

    /** Scaled product of query t and key s, and the size of its rounding: its own and that of its terms. */
    private double[] logit(double[] qkv, int q, int k) {
        double sum = 0;
        double squares = 0;
        for (int d = 0; d < D; d++) {
            double term = qkv[q + d] * qkv[k + d];
            sum += term;
            squares += term * term;
        }
        return new double[] {factor * sum, factor * (Math.abs(sum) + Math.sqrt(squares))};
    }

    /** Output and log-sum-exp. */
    List<Expected> attention(double[] qkv) {
        double[] out = new double[B * T * H * D];
        double[] outScale = new double[out.length];
        double[] lse = new double[B * H * T];
        double[] lseScale = new double[lse.length];
        for (int b = 0; b < B; b++) {
            for (int h = 0; h < H; h++) {
                for (int t = 0; t < T; t++) {
                    row(qkv, b, h, t, out, outScale, lse, lseScale);
                }
            }
        }
        double terms = Math.max(T, D);
        return List.of(Expected.within(C_ATTENTION, terms, out, outScale), Expected.within(C_ATTENTION, terms, lse, lseScale));
    }

    private void row(double[] qkv, int b, int h, int t, double[] out, double[] outScale, double[] lse, double[] lseScale) {
        double[] z = new double[t + 1];
        double[] size = new double[t + 1];
        double max = Double.NEGATIVE_INFINITY;
        for (int s = 0; s <= t; s++) {
            double[] logit = logit(qkv, query(b, t, h), key(b, s, h));
            z[s] = logit[0];
            size[s] = logit[1];
            max = Math.max(max, z[s]);
        }
        double sum = 0;
        for (int s = 0; s <= t; s++) {
            sum += Math.exp(z[s] - max);
        }
        double meanSize = 1;
        for (int s = 0; s <= t; s++) {
            meanSize += Math.exp(z[s] - max) / sum * size[s];
        }
        lse[lse(b, t, h)] = max + Math.log(sum);
        lseScale[lse(b, t, h)] = meanSize + Math.abs(lse[lse(b, t, h)]);
        for (int s = 0; s <= t; s++) {
            double p = Math.exp(z[s] - max) / sum;
            for (int d = 0; d < D; d++) {
                out[out(b, t, h) + d] += p * qkv[value(b, s, h) + d];
                outScale[out(b, t, h) + d] += p * (meanSize + size[s]) * Math.abs(qkv[value(b, s, h) + d]);
            }
        }
    }

    /**
     * {@code p = exp(z - lse)}, {@code dv_s += p dout_t}, {@code ds = p (dout_t . v_s - dout_t . out_t)},
     * {@code dq_t += scale ds k_s}, {@code dk_s += scale ds q_t}.
     */
    Expected backward(double[] dout, double[] out, double[] lse, double[] qkv) {
        double[] dqkv = new double[qkv.length];
        double[] scale = new double[qkv.length];
        for (int b = 0; b < B; b++) {
            for (int h = 0; h < H; h++) {
                for (int t = 0; t < T; t++) {
                    for (int s = 0; s <= t; s++) {
                        pair(dout, out, lse, qkv, b, h, t, s, dqkv, scale);
                    }
                }
            }
        }
        return Expected.within(C_ATTENTION, Math.max((double) T * H / G, D), dqkv, scale);
    }

    private void pair(double[] dout, double[] out, double[] lse, double[] qkv, int b, int h, int t, int s, double[] dqkv,
            double[] scale) {
        int q = query(b, t, h);
        int k = key(b, s, h);
        int v = value(b, s, h);
        int o = out(b, t, h);
        double[] logit = logit(qkv, q, k);
        double p = Math.exp(logit[0] - lse[lse(b, t, h)]);
        double slip = p * (1 + logit[1] + Math.abs(lse[lse(b, t, h)])) + FLUSHED;
        double dp = 0;
        double size = 0;
        for (int d = 0; d < D; d++) {
            dp += dout[o + d] * (qkv[v + d] - out[o + d]);
            size += Math.abs(dout[o + d]) * (Math.abs(qkv[v + d]) + Math.abs(out[o + d]));
        }
        for (int d = 0; d < D; d++) {
            dqkv[v + d] += p * dout[o + d];
            dqkv[q + d] += factor * p * dp * qkv[k + d];
            dqkv[k + d] += factor * p * dp * qkv[q + d];
            scale[v + d] += slip * Math.abs(dout[o + d]);
            scale[q + d] += factor * slip * size * Math.abs(qkv[k + d]);
            scale[k + d] += factor * slip * size * Math.abs(qkv[q + d]);
        }
    }

    /** One query row per sequence against the first {@code length} rows of a cache of {@code capacity}. */
    Expected decode(double[] qkv, double[] keys, double[] values, int length, int capacity) {
        AttentionSpec whole = new AttentionSpec(1, length, H, G, D);
        AttentionOracle oracle = new AttentionOracle(whole);
        double[] out = new double[B * H * D];
        double[] bound = new double[out.length];
        for (int b = 0; b < B; b++) {
            double[] packed = new double[length * (H + 2 * G) * D];
            int last = (length - 1) * (H + 2 * G) * D;
            System.arraycopy(qkv, b * (H + 2 * G) * D, packed, last, H * D);
            for (int s = 0; s < length; s++) {
                int row = s * (H + 2 * G) * D;
                System.arraycopy(keys, (b * capacity + s) * G * D, packed, row + H * D, G * D);
                System.arraycopy(values, (b * capacity + s) * G * D, packed, row + (H + G) * D, G * D);
            }
            Expected all = oracle.attention(packed).getFirst();
            System.arraycopy(all.value(), (length - 1) * H * D, out, b * H * D, H * D);
            System.arraycopy(all.bound(), (length - 1) * H * D, bound, b * H * D, H * D);
        }
        return new Expected(out, bound);
    }
}
