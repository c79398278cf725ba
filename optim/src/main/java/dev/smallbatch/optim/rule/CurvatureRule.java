package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Tensor;
import java.util.Optional;

/** A rule that is told now and then, after a step, how the loss curves: estimates of the diagonal of its Hessian. */
public interface CurvatureRule extends UpdateRule {
    /** How the diagonal is estimated. */
    enum Estimator {
        /**
         * Of the Gauss-Newton matrix, by one more backward pass to labels that the model draws itself: the square of that
         * gradient times the number of targets. Never negative.
         */
        GAUSS_NEWTON_BARTLETT,
        /**
         * Of the Hessian, by its product with random signs u: {@code u (H u)}, element by element. Takes two more gradients and
         * three copies of the weights, which must be F32.
         */
        HUTCHINSON
    }

    @Override
    default Optional<CurvatureRule> curvature() {
        return Optional.of(this);
    }

    /** How the diagonal is estimated. */
    Estimator estimator();

    /**
     * Whether an estimate is due after step {@code step}, 0 for the first: a function of the number alone, so that runs can
     * go on.
     */
    boolean isDue(long step);

    /**
     * Takes the estimate {@code factor a b} of a parameter.
     *
     * @param a of the parameter's shape, read; so is b, which may be a
     * @param context of the step that was made last
     * @return the share of elements, sampled, whose step is shorter than the longest by the new state: the win rate
     */
    double observe(Tensor a, Tensor b, double factor, OptimizerState state, StepContext context, Kernels kernels);
}
