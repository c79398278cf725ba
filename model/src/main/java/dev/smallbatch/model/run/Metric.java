package dev.smallbatch.model.run;

import java.util.OptionalDouble;

/**
 * A line of {@code metrics.jsonl}.
 *
 * @param step updates made
 * @param tokens tokens seen
 * @param loss mean over the step's targets in nats, before its update
 * @param lr learning rate of its update
 * @param gradNorm norm of all gradients together, before clipping
 * @param tokensPerSecond since the line before
 * @param elapsedSeconds training time since the run began
 * @param evalLoss validation loss, where it was evaluated
 */
public record Metric(long step, long tokens, double loss, double lr, double gradNorm, double tokensPerSecond,
        double elapsedSeconds, OptionalDouble evalLoss) {}
