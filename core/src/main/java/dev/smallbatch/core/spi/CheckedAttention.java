package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link AttentionKernels}. */
final class CheckedAttention implements AttentionKernels {
    private static final Checks ROPE = new Checks("rope");
    private static final Checks ATTENTION = new Checks("attention");
    private static final Checks ATTENTION_BACKWARD = new Checks("attentionBackward");
    private static final Checks ATTENTION_DECODE = new Checks("attentionDecode");

    private final AttentionKernels kernels;

    CheckedAttention(AttentionKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void rope(Tensor out, Tensor x, Tensor cos, Tensor sin, AttentionSpec spec, boolean inverse) {
        Checks c = ROPE;
        Operand o = c.f32("out", out);
        Operand in = c.f32("x", x);
        Operand cosines = c.f32("cos", cos);
        Operand sines = c.f32("sin", sin);
        c.given("spec", spec);
        packed(c, in, spec);
        packed(c, o, spec);
        c.matrix(cosines, spec.time(), spec.headSize() / 2, spec);
        c.matrix(sines, spec.time(), spec.headSize() / 2, spec);
        c.apart(1, o, in.unlessSame(o), cosines, sines);
        kernels.rope(out, x, cos, sin, spec, inverse);
    }

    @Override
    public void attention(Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {
        Checks c = ATTENTION;
        Operand o = c.f32("out", out);
        Operand l = c.f32("lse", lse);
        Operand in = c.f32("qkv", qkv);
        c.given("spec", spec);
        packed(c, in, spec);
        results(c, o, l, spec);
        c.apart(2, o, l, in);
        kernels.attention(out, lse, qkv, spec);
    }

    @Override
    public void attentionBackward(Tensor dqkv, Tensor dout, Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {
        Checks c = ATTENTION_BACKWARD;
        Operand di = c.f32("dqkv", dqkv);
        Operand d = c.f32("dout", dout);
        Operand o = c.f32("out", out);
        Operand l = c.f32("lse", lse);
        Operand in = c.f32("qkv", qkv);
        c.given("spec", spec);
        packed(c, in, spec);
        packed(c, di, spec);
        results(c, o, l, spec);
        c.matrix(d, o.rows(), o.cols(), spec);
        c.apart(1, di, d, o, l, in);
        kernels.attentionBackward(dqkv, dout, out, lse, qkv, spec);
    }

    @Override
    public void attentionDecode(Tensor out, Tensor qkv, Tensor keys, Tensor values, int length, AttentionSpec spec) {
        Checks c = ATTENTION_DECODE;
        Operand o = c.f32("out", out);
        Operand in = c.f32("qkv", qkv);
        Operand k = c.f32("keys", keys);
        Operand v = c.f32("values", values);
        c.given("spec", spec);
        if (spec.time() != 1) {
            throw c.refusal("one new position at a time, not %d: %s", spec.time(), spec);
        }
        packed(c, in, spec);
        c.matrix(o, spec.batch(), spec.outCols(), spec);
        long capacity = cacheCapacity(k, spec);
        if (cacheCapacity(v, spec) != capacity) {
            throw c.refusal("capacities differ: %s against %s", k, v);
        }
        if (length < 1 || length > capacity) {
            throw c.refusal("length %d is outside [1, %d], the capacity of %s", length, capacity, k);
        }
        c.apart(1, o, in, k, v);
        kernels.attentionDecode(out, qkv, keys, values, length, spec);
    }

    private static void packed(Checks c, Operand qkv, AttentionSpec spec) {
        c.matrix(qkv, (long) spec.batch() * spec.time(), spec.qkvCols(), spec);
    }

    private static void results(Checks c, Operand out, Operand lse, AttentionSpec spec) {
        c.matrix(out, (long) spec.batch() * spec.time(), spec.outCols(), spec);
        c.matrix(lse, (long) spec.batch() * spec.heads(), spec.time(), spec);
    }

    private static long cacheCapacity(Operand cache, AttentionSpec spec) {
        Shape shape = cache.tensor().shape();
        long cols = (long) spec.kvHeads() * spec.headSize();
        if (shape.rank() != 3 || shape.dim(0) != spec.batch() || shape.dim(2) != cols) {
            throw ATTENTION_DECODE.refusal("%s, expected (%d, capacity, %d) for %s", cache, spec.batch(), cols, spec);
        }
        return shape.dim(1);
    }
}
