package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link ActivationKernels}. */
final class CheckedActivation implements ActivationKernels {
    private static final Checks ACTIVATE = new Checks("activate");
    private static final Checks ACTIVATE_BACKWARD = new Checks("activateBackward");

    private final ActivationKernels kernels;

    CheckedActivation(ActivationKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void activate(Tensor out, Tensor x, Activation kind) {
        Operand o = ACTIVATE.f32("out", out);
        Operand in = ACTIVATE.f32("x", x);
        ACTIVATE.given("kind", kind);
        ACTIVATE.sameMatrix(in, o);
        ACTIVATE.apart(1, o, in.unlessSame(o));
        kernels.activate(out, x, kind);
    }

    @Override
    public void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation kind) {
        Operand di = ACTIVATE_BACKWARD.f32("dx", dx);
        Operand d = ACTIVATE_BACKWARD.f32("dout", dout);
        Operand in = ACTIVATE_BACKWARD.f32("x", x);
        ACTIVATE_BACKWARD.given("kind", kind);
        ACTIVATE_BACKWARD.sameMatrix(in, di, d);
        ACTIVATE_BACKWARD.apart(1, di, d.unlessSame(di), in);
        kernels.activateBackward(dx, dout, x, kind);
    }
}
