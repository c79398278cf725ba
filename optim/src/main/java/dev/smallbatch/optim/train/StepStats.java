package dev.smallbatch.optim.train;

import java.util.OptionalDouble;

/**
 * What happened in one step.
 *
 * @param step updates made, this one included
 * @param tokens tokens seen, this step's included
 * @param batchTokens tokens of this step alone
 * @param loss mean over the step's targets in nats, before its update
 * @param lr learning rate of its update
 * @param gradNorm Euclidean norm of all gradients together before clipping; present if the step is logged and had gradients
 * @param tokensPerSecond since the last logged step, without evaluations and checkpoints
 * @param elapsedSeconds since the loop was started
 * @param evalLoss validation loss after the update, if it was due
 * @param logged whether {@link TrainConfig#logEvery} selects the step, it was skipped, or the next batch is larger
 * @param winRate share of elements whose step was not clipped, see {@link StepResult#winRate}
 * @param skipped steps that were skipped since the loop was started, because loss or gradients were not finite
 */
public record StepStats(long step, long tokens, long batchTokens, double loss, double lr, OptionalDouble gradNorm,
        double tokensPerSecond, double elapsedSeconds, OptionalDouble evalLoss, boolean logged, OptionalDouble winRate,
        long skipped) {}
