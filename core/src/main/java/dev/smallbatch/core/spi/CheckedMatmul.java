package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link MatmulKernels}. */
final class CheckedMatmul implements MatmulKernels {
    private static final Checks MATMUL = new Checks("matmul");
    private static final Checks LINEAR = new Checks("linear");
    private static final Checks BIAS_BACKWARD = new Checks("biasBackward");

    private final MatmulKernels kernels;

    CheckedMatmul(MatmulKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void matmul(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, float beta) {
        Operand o = MATMUL.f32("out", out);
        Operand l = MATMUL.weight("a", a);
        Operand r = MATMUL.weight("b", b);
        MATMUL.given("ta", ta);
        MATMUL.given("tb", tb);
        if (beta != 0 && beta != 1) {
            throw MATMUL.refusal("beta is %s; it must be 0 (overwrite) or 1 (accumulate)", beta);
        }
        productShapes(o, l, ta, r, tb);
        MATMUL.apart(1, o, l, r);
        kernels.matmul(out, a, ta, b, tb, alpha, beta);
    }

    private static void productShapes(Operand o, Operand l, Transpose ta, Operand r, Transpose tb) {
        long m = ta == Transpose.NO ? l.rows() : l.cols();
        long k = ta == Transpose.NO ? l.cols() : l.rows();
        long n = tb == Transpose.NO ? r.cols() : r.rows();
        long kOfB = tb == Transpose.NO ? r.rows() : r.cols();
        if (k != kOfB) {
            throw MATMUL.refusal("inner sizes differ: %s against %s; a has inner size %d, b has %d", text(l, ta), text(r, tb),
                    k, kOfB);
        }
        if (o.rows() != m || o.cols() != n) {
            throw MATMUL.refusal("%s is a %d by %d matrix, expected %d by %d for %s times %s", o, o.rows(), o.cols(), m, n,
                    text(l, ta), text(r, tb));
        }
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
