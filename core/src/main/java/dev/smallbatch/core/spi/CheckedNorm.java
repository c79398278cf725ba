package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link NormKernels}. */
final class CheckedNorm implements NormKernels {
    private static final Checks LAYER_NORM = new Checks("layerNorm");
    private static final Checks LAYER_NORM_BACKWARD = new Checks("layerNormBackward");
    private static final Checks RMS_NORM = new Checks("rmsNorm");
    private static final Checks RMS_NORM_BACKWARD = new Checks("rmsNormBackward");
    private static final Checks QK_NORM = new Checks("qkNorm");
    private static final Checks QK_NORM_BACKWARD = new Checks("qkNormBackward");

    private final NormKernels kernels;

    CheckedNorm(NormKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void layerNorm(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps) {
        Checks c = LAYER_NORM;
        Operand o = c.f32("out", out);
        Operand m = c.f32("mean", mean);
        Operand s = c.f32("rstd", rstd);
        Operand in = c.f32("x", x);
        Operand w = c.f32("weight", weight);
        Operand b = c.f32("bias", bias);
        c.sameMatrix(in, o);
        c.onePerRow(m, in);
        c.onePerRow(s, in);
        c.onePerCol(w, in);
        c.onePerCol(b, in);
        c.apart(3, o, m, s, in, w, b);
        kernels.layerNorm(out, mean, rstd, x, weight, bias, eps);
    }

    @Override
    public void layerNormBackward(Tensor dx, Tensor dweight, Tensor dbias, Tensor dout, Tensor x, Tensor weight, Tensor mean,
            Tensor rstd) {
        Checks c = LAYER_NORM_BACKWARD;
        Operand di = c.f32("dx", dx);
        Operand dw = c.f32("dweight", dweight);
        Operand db = c.f32("dbias", dbias);
        Operand d = c.f32("dout", dout);
        Operand in = c.f32("x", x);
        Operand w = c.f32("weight", weight);
        Operand m = c.f32("mean", mean);
        Operand s = c.f32("rstd", rstd);
        c.sameMatrix(in, di, d);
        c.onePerCol(dw, in);
        c.onePerCol(db, in);
        c.onePerCol(w, in);
        c.onePerRow(m, in);
        c.onePerRow(s, in);
        c.apart(3, di, dw, db, d, in, w, m, s);
        kernels.layerNormBackward(dx, dweight, dbias, dout, x, weight, mean, rstd);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor rstd, Tensor x, Tensor weight, float eps) {
        Checks c = RMS_NORM;
        Operand o = c.f32("out", out);
        Operand s = c.f32("rstd", rstd);
        Operand in = c.f32("x", x);
        Operand w = c.f32OrNull("weight", weight);
        c.sameMatrix(in, o);
        c.onePerRow(s, in);
        c.onePerCol(w, in);
        c.apart(2, o, s, in, w);
        kernels.rmsNorm(out, rstd, x, weight, eps);
    }

    @Override
    public void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dout, Tensor x, Tensor weight, Tensor rstd) {
        Checks c = RMS_NORM_BACKWARD;
        Operand di = c.f32("dx", dx);
        Operand dw = c.f32OrNull("dweight", dweight);
        Operand d = c.f32("dout", dout);
        Operand in = c.f32("x", x);
        Operand w = c.f32OrNull("weight", weight);
        Operand s = c.f32("rstd", rstd);
        c.bothOrNeither(dw, w);
        c.sameMatrix(in, di, d);
        c.onePerCol(dw, in);
        c.onePerCol(w, in);
        c.onePerRow(s, in);
        c.apart(2, di, dw, d, in, w, s);
        kernels.rmsNormBackward(dx, dweight, dout, x, weight, rstd);
    }

    @Override
    public void qkNorm(Tensor out, Tensor rstd, Tensor x, AttentionSpec spec, float eps) {
        Checks c = QK_NORM;
        Operand o = c.f32("out", out);
        Operand s = c.f32("rstd", rstd);
        Operand in = c.f32("x", x);
        c.given("spec", spec);
        long rows = (long) spec.batch() * spec.time();
        c.matrix(in, rows, spec.qkvCols(), spec);
        c.matrix(o, rows, spec.qkvCols(), spec);
        c.matrix(s, rows, spec.heads() + spec.kvHeads(), spec);
        c.apart(2, o, s, in.unlessSame(o));
        kernels.qkNorm(out, rstd, x, spec, eps);
    }

    @Override
    public void qkNormBackward(Tensor dx, Tensor dout, Tensor h, Tensor rstd, AttentionSpec spec) {
        Checks c = QK_NORM_BACKWARD;
        Operand di = c.f32("dx", dx);
        Operand d = c.f32("dout", dout);
        Operand in = c.f32("h", h);
        Operand s = c.f32("rstd", rstd);
        c.given("spec", spec);
        long rows = (long) spec.batch() * spec.time();
        c.matrix(in, rows, spec.qkvCols(), spec);
        c.matrix(di, rows, spec.qkvCols(), spec);
        c.matrix(d, rows, spec.qkvCols(), spec);
        c.matrix(s, rows, spec.heads() + spec.kvHeads(), spec);
        c.apart(1, di, d.unlessSame(di), in, s);
        kernels.qkNormBackward(dx, dout, h, rstd, spec);
    }
}
