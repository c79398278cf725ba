package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link QuantizedUpdateKernels}. */
final class CheckedQuantizedUpdate implements QuantizedUpdateKernels {
    private static final Checks SGD = new Checks("quantizedSgdStep");
    private static final Checks SIGN = new Checks("quantizedSignStep");
    private static final Checks ROOT = new Checks("quantizedRootStep");
    private static final Checks ADAM_W = new Checks("quantizedAdamWStep");

    private final QuantizedUpdateKernels kernels;

    CheckedQuantizedUpdate(QuantizedUpdateKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void quantizedSgdStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how, Rounding rounding,
            long key) {
        check(SGD, p, SGD.u8("m", m), SGD.f32("mScale", mScale), g, s, UpdateKernels.MOMENTUM_SLOTS, how, rounding);
        kernels.quantizedSgdStep(p, m, mScale, g, s, how, rounding, key);
    }

    @Override
    public void quantizedSignStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how, Rounding rounding,
            long key) {
        check(SIGN, p, SIGN.u8("m", m), SIGN.f32("mScale", mScale), g, s, UpdateKernels.MOMENTUM_SLOTS, how, rounding);
        kernels.quantizedSignStep(p, m, mScale, g, s, how, rounding, key);
    }

    @Override
    public void quantizedRootStep(Tensor p, Tensor v, Tensor vScale, Tensor g, Tensor s, Quantization how, Rounding rounding,
            long key) {
        check(ROOT, p, ROOT.u8("v", v), ROOT.f32("vScale", vScale), g, s, UpdateKernels.ROOT_SLOTS, how, rounding);
        kernels.quantizedRootStep(p, v, vScale, g, s, how, rounding, key);
    }

    /** An update with one state. */
    private static void check(Checks checks, Tensor p, Operand codes, Operand scale, Tensor g, Tensor s, int slots,
            Quantization how, Rounding rounding) {
        Operand parameter = checks.weight("p", p);
        Operand gradient = checks.f32("g", g);
        Operand scalars = checks.f32("s", s);
        checks.given("how", how);
        checks.given("rounding", rounding);
        checks.sameMatrix(parameter, codes, gradient);
        checks.count(scale, how.blocks(p.numel()));
        checks.count(scalars, slots);
        checks.apart(3, parameter, codes, scale, gradient, scalars);
    }

    @Override
    public void quantizedAdamWStep(Tensor p, Tensor m, Tensor mScale, Tensor v, Tensor vScale, Tensor g, Tensor s,
            Quantization how, Rounding rounding, long key) {
        Operand first = ADAM_W.u8("m", m);
        Operand firstScale = ADAM_W.f32("mScale", mScale);
        Operand second = ADAM_W.u8("v", v);
        Operand secondScale = ADAM_W.f32("vScale", vScale);
        check(ADAM_W, p, first, firstScale, g, s, UpdateKernels.ADAMW_SLOTS, how, rounding);
        check(ADAM_W, p, second, secondScale, g, s, UpdateKernels.ADAMW_SLOTS, how, rounding);
        ADAM_W.apart(2, first, firstScale, second, secondScale);
        kernels.quantizedAdamWStep(p, m, mScale, v, vScale, g, s, how, rounding, key);
    }
}
