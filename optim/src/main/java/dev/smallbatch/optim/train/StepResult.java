package dev.smallbatch.optim.train;

import java.util.OptionalDouble;

/**
 * What one step found out.
 *
 * @param loss mean over all targets of the step, before the update
 * @param gradNorm Euclidean norm of all gradients together before clipping, if it was measured
 */
public record StepResult(double loss, OptionalDouble gradNorm) {}
