package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link LossKernels}; the targets themselves are checked where they are read. */
final class CheckedLoss implements LossKernels {
    private static final Checks CROSS_ENTROPY = new Checks("crossEntropy");
    private static final Checks DRAW_TARGETS = new Checks("drawTargets");

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
        vocabulary(c, vocabulary, in);
        c.apart(2, l, d, in.unlessSame(d), t);
        c.apart(1, l, in);
        kernels.crossEntropy(losses, dlogits, logits, targets, vocabulary, scale);
    }

    @Override
    public void drawTargets(Tensor dlogits, Tensor targets, int vocabulary, float scale, long key, long first) {
        Operand d = DRAW_TARGETS.f32("dlogits", dlogits);
        Operand t = DRAW_TARGETS.i32("targets", targets);
        DRAW_TARGETS.onePerRow(t, d);
        vocabulary(DRAW_TARGETS, vocabulary, d);
        DRAW_TARGETS.apart(1, d, t);
        kernels.drawTargets(dlogits, targets, vocabulary, scale, key, first);
    }

    private static void vocabulary(Checks checks, int vocabulary, Operand logits) {
        if (vocabulary < 1 || vocabulary > logits.cols()) {
            throw checks.refusal("vocabulary %d is outside [1, %d], the columns of %s", vocabulary, logits.cols(), logits);
        }
    }
}
