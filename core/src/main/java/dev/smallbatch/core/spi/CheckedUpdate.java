package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link UpdateKernels}. */
final class CheckedUpdate implements UpdateKernels {
    private static final Checks SGD_STEP = new Checks("sgdStep");
    private static final Checks ADAM_W_STEP = new Checks("adamWStep");

    private final UpdateKernels kernels;

    CheckedUpdate(UpdateKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {
        Operand parameter = SGD_STEP.weight("p", p);
        Operand momentum = SGD_STEP.f32OrNull("m", m);
        Operand gradient = SGD_STEP.f32("g", g);
        Operand scalars = SGD_STEP.f32("s", s);
        SGD_STEP.given("rounding", rounding);
        SGD_STEP.sameMatrix(parameter, momentum, gradient);
        SGD_STEP.count(scalars, SGD_SLOTS);
        SGD_STEP.apart(2, parameter, momentum, gradient, scalars);
        kernels.sgdStep(p, m, g, s, rounding, key);
    }

    @Override
    public void adamWStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        Operand parameter = ADAM_W_STEP.weight("p", p);
        Operand first = ADAM_W_STEP.f32("m", m);
        Operand second = ADAM_W_STEP.f32("v", v);
        Operand gradient = ADAM_W_STEP.f32("g", g);
        Operand scalars = ADAM_W_STEP.f32("s", s);
        ADAM_W_STEP.given("rounding", rounding);
        ADAM_W_STEP.sameMatrix(parameter, first, second, gradient);
        ADAM_W_STEP.count(scalars, ADAMW_SLOTS);
        ADAM_W_STEP.apart(3, parameter, first, second, gradient, scalars);
        kernels.adamWStep(p, m, v, g, s, rounding, key);
    }
}
