package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link ElementwiseKernels}. */
final class CheckedElementwise implements ElementwiseKernels {
    private static final Checks FILL = new Checks("fill");
    private static final Checks CONVERT = new Checks("convert");
    private static final Checks AXPY = new Checks("axpy");
    private static final Checks LERP = new Checks("lerp");
    private static final Checks EXCHANGE = new Checks("exchange");
    private static final Checks ADD_PRODUCT = new Checks("addProduct");
    private static final Checks ADD = new Checks("add");
    private static final Checks SUM_OF_SQUARES = new Checks("sumOfSquares");
    private static final Checks LIMIT_GROWTH = new Checks("limitGrowth");

    private final ElementwiseKernels kernels;

    CheckedElementwise(ElementwiseKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void fill(Tensor out, float value) {
        FILL.f32("out", out);
        kernels.fill(out, value);
    }

    @Override
    public void convert(Tensor out, Tensor in, Rounding rounding, long key) {
        Operand o = CONVERT.anyType("out", out);
        Operand i = CONVERT.anyType("in", in);
        CONVERT.given("rounding", rounding);
        if (!convertible(in.dtype(), out.dtype())) {
            throw CONVERT.refusal("no conversion from %s to %s, in %s; there are F32 to F32, F32 to BF16, BF16 to F32 and"
                    + " F16 to F32", in.dtype(), out.dtype(), in.shape());
        }
        pair(CONVERT, 1, o, i);
        kernels.convert(out, in, rounding, key);
    }

    /** Two tensors of one shape, the first or both of them written. */
    private static void pair(Checks checks, int outputs, Operand out, Operand in) {
        checks.sameMatrix(in, out);
        checks.apart(outputs, out, in);
    }

    private static boolean convertible(DType from, DType to) {
        return switch (from) {
            case F32 -> to == DType.F32 || to == DType.BF16;
            case BF16, F16 -> to == DType.F32;
            case I32, U8 -> false;
        };
    }

    @Override
    public void axpy(Tensor y, float a, Tensor x) {
        pair(AXPY, 1, AXPY.weight("y", y), AXPY.f32("x", x));
        kernels.axpy(y, a, x);
    }

    @Override
    public void lerp(Tensor y, float a, Tensor x) {
        pair(LERP, 1, LERP.f32("y", y), LERP.weight("x", x));
        kernels.lerp(y, a, x);
    }

    @Override
    public void exchange(Tensor a, Tensor b) {
        pair(EXCHANGE, 2, EXCHANGE.weight("a", a), EXCHANGE.f32("b", b));
        kernels.exchange(a, b);
    }

    @Override
    public void addProduct(Tensor y, float keep, float factor, Tensor a, Tensor b) {
        Operand o = ADD_PRODUCT.f32("y", y);
        Operand l = ADD_PRODUCT.f32("a", a);
        Operand r = ADD_PRODUCT.f32("b", b);
        ADD_PRODUCT.sameMatrix(o, l, r);
        ADD_PRODUCT.apart(1, o, l, r);
        kernels.addProduct(y, keep, factor, a, b);
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b) {
        Operand o = ADD.f32("out", out);
        Operand l = ADD.f32("a", a);
        Operand r = ADD.f32("b", b);
        ADD.sameMatrix(l, o, r);
        ADD.apart(1, o, l.unlessSame(o), r.unlessSame(o));
        kernels.add(out, a, b);
    }

    @Override
    public void sumOfSquares(Tensor result, Tensor x) {
        Operand o = SUM_OF_SQUARES.f32("result", result);
        Operand in = SUM_OF_SQUARES.weight("x", x);
        SUM_OF_SQUARES.count(o, 1);
        SUM_OF_SQUARES.apart(1, o, in);
        kernels.sumOfSquares(result, x);
    }

    @Override
    public void limitGrowth(Tensor x, Tensor length, float growth) {
        Operand o = LIMIT_GROWTH.f32("x", x);
        Operand l = LIMIT_GROWTH.f32("length", length);
        LIMIT_GROWTH.count(l, 1);
        LIMIT_GROWTH.apart(2, o, l);
        kernels.limitGrowth(x, length, growth);
    }
}
