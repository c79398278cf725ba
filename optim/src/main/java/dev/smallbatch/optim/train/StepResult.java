package dev.smallbatch.optim.train;

import java.util.OptionalDouble;

/**
 * What one step found out.
 *
 * @param loss mean over all targets of the step, before the update
 * @param gradNorm Euclidean norm of all gradients together before clipping, if it was asked for and there were gradients
 * @param skipped whether loss or gradients were not finite, so that nothing was updated; inside backward, only parameters with
 *     a finite gradient were
 */
public record StepResult(double loss, OptionalDouble gradNorm, boolean skipped) {}
