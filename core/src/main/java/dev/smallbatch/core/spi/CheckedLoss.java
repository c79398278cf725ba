package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link LossKernels}; the targets themselves are checked where they are read. */
final class CheckedLoss implements LossKernels {
    private static final Checks CROSS_ENTROPY = new Checks("crossEntropy");

    private final LossKernels kernels;

    CheckedLoss(LossKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void crossEntropy(Tensor losses, Tensor dlogits, Tensor logits, Tensor targets, int vocabulary, float scale) {
        Checks c = CROSS_ENTROPY;
        Operand l = c.f32("losses", losses);
        Operand d = c.f32OrNull("dlogits", dlogits);
        Operand in = c.f32("logits", logits);
        Operand t = c.i32("targets", targets);
        c.sameMatrix(in, d);
        c.onePerRow(l, in);
        c.onePerRow(t, in);
        if (vocabulary < 1 || vocabulary > in.cols()) {
            throw c.refusal("vocabulary %d is outside [1, %d], the columns of %s", vocabulary, in.cols(), in);
        }
        c.apart(2, l, d, in.unlessSame(d), t);
        c.apart(1, l, in);
        kernels.crossEntropy(losses, dlogits, logits, targets, vocabulary, scale);
    }
}
