package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.StepNumber;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Tensor;

/** Optimizer updates. Tasks are runs of elements. */
final class ScalarUpdate implements UpdateKernels {
    private final Parallel parallel;

    ScalarUpdate(Parallel parallel) {
        this.parallel = parallel;
    }

    /** h = scale g, m = momentum m + h (without momentum m = h), p = p - decay p - learningRate m. */
    @Override
    public void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {
        Floats ps = new Floats(p, rounding, new RandomKey(key).at(StepNumber.get(s)).bits());
        Floats ms = m == null ? null : new Floats(m);
        Floats gs = new Floats(g);
        Floats scalars = new Floats(s);
        double learningRate = scalars.get(LEARNING_RATE);
        double gradientScale = scalars.get(GRADIENT_SCALE);
        double decay = scalars.get(DECAY);
        double momentum = scalars.get(MOMENTUM);
        Grid.split(parallel, p.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                double step = gradientScale * gs.get(i);
                if (ms != null) {
                    step += momentum * ms.get(i);
                    ms.set(i, step);
                }
                ps.set(i, ps.get(i) - decay * ps.get(i) - learningRate * step);
            }
        });
    }

    /**
     * h = scale g, m = beta1 m + (1 - beta1) h, v = beta2 v + (1 - beta2) h^2,
     * p = p - decay p - learningRate (m correction1) / (sqrt(v) correction2Root + epsilon).
     */
    @Override
    public void adamWStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        Floats ps = new Floats(p, rounding, new RandomKey(key).at(StepNumber.get(s)).bits());
        Floats ms = new Floats(m);
        Floats vs = new Floats(v);
        Floats gs = new Floats(g);
        Floats scalars = new Floats(s);
        double learningRate = scalars.get(LEARNING_RATE);
        double gradientScale = scalars.get(GRADIENT_SCALE);
        double decay = scalars.get(DECAY);
        double beta1 = scalars.get(BETA1);
        double oneMinusBeta1 = scalars.get(ONE_MINUS_BETA1);
        double beta2 = scalars.get(BETA2);
        double oneMinusBeta2 = scalars.get(ONE_MINUS_BETA2);
        double correction1 = scalars.get(CORRECTION1);
        double correction2Root = scalars.get(CORRECTION2_ROOT);
        double epsilon = scalars.get(EPSILON);
        Grid.split(parallel, p.numel(), 4, (from, to) -> {
            for (long i = from; i < to; i++) {
                double h = gradientScale * gs.get(i);
                double first = beta1 * ms.get(i) + oneMinusBeta1 * h;
                double second = beta2 * vs.get(i) + oneMinusBeta2 * h * h;
                double step = first * correction1 / (Math.sqrt(second) * correction2Root + epsilon);
                ps.set(i, ps.get(i) - decay * ps.get(i) - learningRate * step);
                ms.set(i, first);
                vs.set(i, second);
            }
        });
    }
}
