package dev.smallbatch.optim.train;

import java.util.OptionalDouble;

/**
 * What one step found out.
 *
 * @param loss mean over all targets of the step, before the update
 * @param gradNorm Euclidean norm of all gradients together before clipping, if it was asked for and there were gradients
 * @param skipped whether loss or gradients were not finite, so that nothing was updated; inside backward, only parameters with
 *     a finite gradient were
 * @param winRate share of elements whose step was not clipped, at the last estimate of curvature, see
 *     {@link dev.smallbatch.optim.rule.Sophia}; empty before the first and for other rules
 */
public record StepResult(double loss, OptionalDouble gradNorm, boolean skipped, OptionalDouble winRate) {
    StepResult(double loss, OptionalDouble gradNorm, boolean skipped) {
        this(loss, gradNorm, skipped, OptionalDouble.empty());
    }

    StepResult withWinRate(OptionalDouble rate) {
        return new StepResult(loss, gradNorm, skipped, rate);
    }
}
