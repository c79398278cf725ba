package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.Tensor;
import java.util.Arrays;

/**
 * Rotary embedding and causal attention, one row of probabilities at a time. Tasks are rows; in the backward pass they are
 * the query heads that share a key and value head, whose gradients are sums over rows.
 */
final class ScalarAttention implements AttentionKernels {
    private final Parallel parallel;

    ScalarAttention(Parallel parallel) {
        this.parallel = parallel;
    }

    /** Element i of head {@code t} of a sequence lies at {@code start + t * stride + i}. */
    private record Head(Floats data, long start, long stride) {
        /** Head {@code h} of the columns from {@code firstCol} on in sequence {@code b} of a (B, T, cols) tensor. */
        static Head of(Floats data, long b, long T, long cols, long firstCol, long h, long D) {
            return new Head(data, b * T * cols + firstCol + h * D, cols);
        }

        double get(long t, long i) {
            return data.get(start + t * stride + i);
        }

        void set(long t, long i, double value) {
            data.set(start + t * stride + i, value);
        }
    }

    /** (a, b) = (a cos - b sin, b cos + a sin) for the pairs (i, i + D/2) of query and key heads; inverse: sin = -sin. */
    @Override
    public void rope(Tensor out, Tensor x, Tensor cos, Tensor sin, AttentionSpec spec, boolean inverse) {
        int T = spec.time();
        int half = spec.headSize() / 2;
        long C = spec.qkvCols();
        Floats outs = new Floats(out);
        Floats xs = new Floats(x);
        Floats cosines = new Floats(cos);
        Floats sines = new Floats(sin);
        Grid.split(parallel, (long) spec.batch() * T, C, (from, to) -> {
            for (long n = from; n < to; n++) {
                long t = n % T;
                for (long start = n * C; start < n * C + spec.valueCol(); start += 2L * half) {
                    for (long i = 0; i < half; i++) {
                        double a = xs.get(start + i);
                        double b = xs.get(start + i + half);
                        double cosine = cosines.get(t * half + i);
                        double sine = inverse ? -sines.get(t * half + i) : sines.get(t * half + i);
                        outs.set(start + i, a * cosine - b * sine);
                        outs.set(start + i + half, b * cosine + a * sine);
                    }
                }
                for (long i = n * C + spec.valueCol(); i < (n + 1) * C; i++) {
                    outs.set(i, xs.get(i));
                }
            }
        });
    }

    /** out_t = sum_{s <= t} p_s v_s, p_s = exp(scale q_t . k_s - lse_t), lse_t = log sum_{s <= t} exp(scale q_t . k_s). */
    @Override
    public void attention(Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {
        int H = spec.heads();
        int T = spec.time();
        int D = spec.headSize();
        Floats lses = new Floats(lse);
        Floats packed = new Floats(qkv);
        Floats outs = new Floats(out);
        Grid.split(parallel, (long) spec.batch() * H * T, (long) T * D, (from, to) -> {
            double[] p = new double[T];
            for (long row = from; row < to; row++) {
                long t = row % T;
                long h = row / T % H;
                long b = row / T / H;
                Head q = Head.of(packed, b, T, spec.qkvCols(), 0, h, D);
                Head k = Head.of(packed, b, T, spec.qkvCols(), spec.keyCol(), h / spec.group(), D);
                Head v = Head.of(packed, b, T, spec.qkvCols(), spec.valueCol(), h / spec.group(), D);
                Head o = Head.of(outs, b, T, spec.outCols(), 0, h, D);
                lses.set(row, attendRow(o, q, t, k, v, (int) t + 1, spec, p));
            }
        });
    }

    /** One row of attention over the first {@code length} keys and values; returns its log-sum-exp. */
    private static double attendRow(Head o, Head q, long t, Head k, Head v, int length, AttentionSpec spec, double[] p) {
        int D = spec.headSize();
        double max = Double.NEGATIVE_INFINITY;
        for (int s = 0; s < length; s++) {
            double dot = 0;
            for (int i = 0; i < D; i++) {
                dot += q.get(t, i) * k.get(s, i);
            }
            p[s] = spec.scale() * dot;
            max = Math.max(max, p[s]);
        }
        double sum = 0;
        for (int s = 0; s < length; s++) {
            p[s] = StrictMath.exp(p[s] - max);
            sum += p[s];
        }
        for (int i = 0; i < D; i++) {
            double value = 0;
            for (int s = 0; s < length; s++) {
                value += p[s] / sum * v.get(s, i);
            }
            o.set(t, i, value);
        }
        return max + StrictMath.log(sum);
    }

    /**
     * Of out_t = sum_{s <= t} p_s v_s, p_s = exp(scale q_t . k_s - lse_t): dv_s += p_s dout_t, dp_s = dout_t . v_s,
     * dscore_s = p_s (dp_s - dout_t . out_t), dq_t = scale sum_s dscore_s k_s, dk_s += scale dscore_s q_t.
     */
    @Override
    public void attentionBackward(Tensor dqkv, Tensor dout, Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {
        int T = spec.time();
        int D = spec.headSize();
        int kvHeads = spec.kvHeads();
        int C = spec.qkvCols();
        Floats dpacked = new Floats(dqkv);
        Floats packed = new Floats(qkv);
        Floats douts = new Floats(dout);
        Floats outs = new Floats(out);
        Floats lses = new Floats(lse);
        Grid.split(parallel, (long) spec.batch() * kvHeads, (long) T * T * D, (from, to) -> {
            double[] dk = new double[Math.multiplyExact(T, D)];
            double[] dv = new double[T * D];
            for (long task = from; task < to; task++) {
                long b = task / kvHeads;
                long shared = task % kvHeads;
                Arrays.fill(dk, 0);
                Arrays.fill(dv, 0);
                Head k = Head.of(packed, b, T, C, spec.keyCol(), shared, D);
                Head v = Head.of(packed, b, T, C, spec.valueCol(), shared, D);
                for (long h = shared * spec.group(); h < (shared + 1) * spec.group(); h++) {
                    Head q = Head.of(packed, b, T, C, 0, h, D);
                    Head dq = Head.of(dpacked, b, T, C, 0, h, D);
                    Head o = Head.of(outs, b, T, spec.outCols(), 0, h, D);
                    Head d = Head.of(douts, b, T, spec.outCols(), 0, h, D);
                    for (int t = 0; t < T; t++) {
                        double lseOfRow = lses.get((b * spec.heads() + h) * T + t);
                        attendRowBackward(dq, dk, dv, d, o, lseOfRow, q, k, v, t, spec);
                    }
                }
                store(Head.of(dpacked, b, T, C, spec.keyCol(), shared, D), dk, T, D);
                store(Head.of(dpacked, b, T, C, spec.valueCol(), shared, D), dv, T, D);
            }
        });
    }

    private static void attendRowBackward(Head dq, double[] dk, double[] dv, Head dout, Head out, double lse, Head q, Head k,
            Head v, int t, AttentionSpec spec) {
        int D = spec.headSize();
        double scale = spec.scale();
        double[] dqRow = new double[D];
        double doutDotOut = 0;
        for (int i = 0; i < D; i++) {
            doutDotOut += dout.get(t, i) * out.get(t, i);
        }
        for (int s = 0; s <= t; s++) {
            double dot = 0;
            double dp = 0;
            for (int i = 0; i < D; i++) {
                dot += q.get(t, i) * k.get(s, i);
                dp += dout.get(t, i) * v.get(s, i);
            }
            double p = StrictMath.exp(scale * dot - lse);
            double dscore = p * (dp - doutDotOut);
            for (int i = 0; i < D; i++) {
                dqRow[i] += scale * dscore * k.get(s, i);
                dk[s * D + i] += scale * dscore * q.get(t, i);
                dv[s * D + i] += p * dout.get(t, i);
            }
        }
        for (int i = 0; i < D; i++) {
            dq.set(t, i, dqRow[i]);
        }
    }

    private static void store(Head head, double[] values, int T, int D) {
        for (int t = 0; t < T; t++) {
            for (int i = 0; i < D; i++) {
                head.set(t, i, values[t * D + i]);
            }
        }
    }

    /** out = sum_{s < length} p_s v_s, p_s = softmax_s(scale q . k_s), keys and values from the cache. */
    @Override
    public void attentionDecode(Tensor out, Tensor qkv, Tensor keys, Tensor values, int length, AttentionSpec spec) {
        int H = spec.heads();
        int D = spec.headSize();
        long capacity = keys.shape().dim(1);
        long cacheCols = (long) spec.kvHeads() * D;
        Floats outs = new Floats(out);
        Floats packed = new Floats(qkv);
        Floats cachedKeys = new Floats(keys);
        Floats cachedValues = new Floats(values);
        Grid.split(parallel, (long) spec.batch() * H, (long) length * D, (from, to) -> {
            double[] p = new double[length];
            for (long row = from; row < to; row++) {
                long h = row % H;
                long b = row / H;
                Head q = Head.of(packed, b, 1, spec.qkvCols(), 0, h, D);
                Head k = Head.of(cachedKeys, b, capacity, cacheCols, 0, h / spec.group(), D);
                Head v = Head.of(cachedValues, b, capacity, cacheCols, 0, h / spec.group(), D);
                Head o = Head.of(outs, b, 1, spec.outCols(), 0, h, D);
                attendRow(o, q, 0, k, v, length, spec, p);
            }
        });
    }
}
