package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link MatmulKernels}. */
final class CheckedMatmul implements MatmulKernels {
    private static final Checks MATMUL = new Checks("matmul");
    private static final Checks MATMUL_EACH = new Checks("matmulEach");
    private static final Checks LINEAR = new Checks("linear");
    private static final Checks BIAS_BACKWARD = new Checks("biasBackward");

    private final MatmulKernels kernels;

    CheckedMatmul(MatmulKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void matmul(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, float beta) {
        if (beta != 0 && beta != 1) {
            throw MATMUL.refusal("beta is %s; it must be 0 (overwrite) or 1 (accumulate)", beta);
        }
        product(MATMUL, 1, out, a, ta, b, tb);
        kernels.matmul(out, a, ta, b, tb, alpha, beta);
    }

    @Override
    public void matmulEach(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, Tensor c, float beta) {
        Operand o = MATMUL_EACH.f32("out", out);
        Operand added = MATMUL_EACH.f32OrNull("c", c);
        for (Operand stack : new Operand[] {o, MATMUL_EACH.weight("a", a), MATMUL_EACH.weight("b", b), added}) {
            if (!stack.isNull() && (stack.tensor().shape().rank() != 3 || stack.tensor().shape().dim(0) != out.shape().dim(0))) {
                throw MATMUL_EACH.refusal("%s is no stack of as many matrices as %s", stack, o);
            }
        }
        product(MATMUL_EACH, Math.max(1, out.shape().dim(0)), out, a, ta, b, tb);
        MATMUL_EACH.sameMatrix(o, added);
        MATMUL_EACH.apart(1, o, added);
        kernels.matmulEach(out, a, ta, b, tb, alpha, c, beta);
    }

    /** @param count of products, stacked in each operand */
    private static void product(Checks checks, long count, Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb) {
        Operand o = checks.f32("out", out);
        Operand l = checks.weight("a", a);
        Operand r = checks.weight("b", b);
        checks.given("ta", ta);
        checks.given("tb", tb);
        long m = ta == Transpose.NO ? l.rows() / count : l.cols();
        long k = ta == Transpose.NO ? l.cols() : l.rows() / count;
        long n = tb == Transpose.NO ? r.cols() : r.rows() / count;
        long kOfB = tb == Transpose.NO ? r.rows() / count : r.cols();
        if (k != kOfB) {
            throw checks.refusal("inner sizes differ: %s against %s; a has inner size %d, b has %d", text(l, ta), text(r, tb),
                    k, kOfB);
        }
        if (o.rows() / count != m || o.cols() != n) {
            throw checks.refusal("%s is a %d by %d matrix, expected %d by %d for %s times %s", o, o.rows() / count, o.cols(), m,
                    n, text(l, ta), text(r, tb));
        }
        checks.apart(1, o, l, r);
    }

    private static String text(Operand operand, Transpose transpose) {
        return operand + (transpose == Transpose.YES ? "^T" : "");
    }

    @Override
    public void linear(Tensor out, Tensor x, Tensor weight, Tensor bias) {
        Operand o = LINEAR.f32("out", out);
        Operand in = LINEAR.f32("x", x);
        Operand w = LINEAR.weight("weight", weight);
        Operand b = LINEAR.f32OrNull("bias", bias);
        if (in.cols() != w.cols()) {
            throw LINEAR.refusal("inner sizes differ: %s against %s^T; x has %d columns, weight expects %d", in, w, in.cols(),
                    w.cols());
        }
        if (o.rows() != in.rows() || o.cols() != w.rows()) {
            throw LINEAR.refusal("%s is a %d by %d matrix, expected %d by %d for %s times %s^T", o, o.rows(), o.cols(),
                    in.rows(), w.rows(), in, w);
        }
        LINEAR.onePerCol(b, o);
        LINEAR.apart(1, o, in, w, b);
        kernels.linear(out, x, weight, bias);
    }

    @Override
    public void biasBackward(Tensor dbias, Tensor dout) {
        Operand db = BIAS_BACKWARD.f32("dbias", dbias);
        Operand d = BIAS_BACKWARD.f32("dout", dout);
        BIAS_BACKWARD.onePerCol(db, d);
        BIAS_BACKWARD.apart(1, db, d);
        kernels.biasBackward(dbias, dout);
    }
}
