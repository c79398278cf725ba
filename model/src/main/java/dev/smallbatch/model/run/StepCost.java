package dev.smallbatch.model.run;

import dev.smallbatch.model.gpt.GptConfig;
import java.util.Collection;

/**
 * How long a step takes, roughly: {@code secondsPerFlop flops + secondsPerByte bytes}. The arithmetic grows with the tokens of a
 * step, the bytes of weights, gradients and optimizer state do not: hence small batches are slower per token, the more so the
 * more an optimizer keeps.
 *
 * @param secondsPerFlop at the speed of this model's products
 * @param secondsPerByte of what goes through memory once per step
 */
record StepCost(double secondsPerFlop, double secondsPerByte) {
    /** A step that was timed. */
    record Timing(MemoryPlan plan, double seconds) {}

    /** The cost with the smallest squares of relative errors, neither part below 0; at least one timing. */
    static StepCost fit(Collection<Timing> timings) {
        double ff = 0;
        double fb = 0;
        double bb = 0;
        double f = 0;
        double b = 0;
        for (Timing timing : timings) {
            double flops = flops(timing.plan) / timing.seconds;
            double bytes = bytes(timing.plan) / timing.seconds;
            ff += flops * flops;
            fb += flops * bytes;
            bb += bytes * bytes;
            f += flops;
            b += bytes;
        }
        double determinant = ff * bb - fb * fb;
        double perByte = determinant > 1e-9 * ff * bb ? (ff * b - fb * f) / determinant : 0;
        double perFlop = determinant > 1e-9 * ff * bb ? (bb * f - fb * b) / determinant : f / ff;
        if (perByte < 0) {
            return new StepCost(f / ff, 0);
        }
        return perFlop < 0 ? new StepCost(0, b / bb) : new StepCost(perFlop, perByte);
    }

    /** Seconds of a step of that plan. */
    double seconds(MemoryPlan plan) {
        return secondsPerFlop * flops(plan) + secondsPerByte * bytes(plan);
    }

    /** Tokens that a plan trains on in a second. */
    double tokensPerSecond(MemoryPlan plan) {
        return tokens(plan) / seconds(plan);
    }

    private static double tokens(MemoryPlan plan) {
        return (double) plan.choice().batchSize() * plan.choice().model().seqLen();
    }

    /** Of forward and backward, the blocks' forward twice if activations are computed again. */
    static double flops(MemoryPlan plan) {
        GptConfig model = plan.choice().model();
        double blocks = model.flopsPerToken(model.seqLen()) - 6.0 * model.dim() * model.vocabularySize();
        return tokens(plan) * (model.flopsPerToken(model.seqLen()) + (plan.choice().recompute() ? blocks / 3 : 0));
    }

    /** Weights are read in both passes and updated, gradients written and read, state read and written. */
    static double bytes(MemoryPlan plan) {
        double gradients = 4.0 * plan.choice().model().parameterCount();
        double weights = plan.memory().parameters();
        int parts = plan.choice().microBatches();
        return parts * (2 * weights + 2 * gradients) + 2 * weights + 2.0 * plan.memory().optimizerState()
                + 2.0 * parts * plan.memory().gradients();
    }
}
