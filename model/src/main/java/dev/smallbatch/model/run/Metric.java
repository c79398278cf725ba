package dev.smallbatch.model.run;

import java.util.OptionalDouble;

/**
 * A line of {@code metrics.jsonl}.
 *
 * @param step updates made
 * @param tokens tokens seen
 * @param batchTokens tokens of this update alone
 * @param loss mean over the step's targets in nats, before its update; NaN if it was not finite
 * @param lr learning rate of its update; of hidden matrices where they have their own
 * @param gradNorm norm of all gradients together, before clipping; NaN if there was none, or it was not finite
 * @param tokensPerSecond since the line before
 * @param elapsedSeconds training time since the run began
 * @param evalLoss validation loss, where it was evaluated
 * @param winRate share of elements whose step was not clipped, of rules that clip
 * @param skipped steps that were skipped so far, because loss or gradients were not finite
 */
public record Metric(long step, long tokens, long batchTokens, double loss, double lr, double gradNorm, double tokensPerSecond,
        double elapsedSeconds, OptionalDouble evalLoss, OptionalDouble winRate, long skipped) {}
