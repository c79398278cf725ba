package dev.smallbatch.optim.train;

import dev.smallbatch.core.autograd.GradientSink;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.batch.BatchController;
import dev.smallbatch.optim.batch.GradientNoise;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Watches gradients on their way to being accumulated. Of micro-batches it keeps the sum of their squared norms; of single
 * samples, if a test needs them, every number.
 */
final class NoiseProbe {
    private final Optimizer optimizer;
    private final BatchController.Settings settings;
    private final Map<Parameter, Integer> offsets = new HashMap<>();
    private final List<float[]> samples = new ArrayList<>();
    private int length;
    private int parts;
    private double squares;

    NoiseProbe(Optimizer optimizer, BatchController.Settings settings) {
        this.optimizer = optimizer;
        this.settings = settings;
        if (settings.test().needsSamples()) {
            settings.requireSmall(optimizer.parameters().stream().mapToLong(parameter -> parameter.value().numel()).sum());
            for (Parameter parameter : optimizer.parameters()) {
                offsets.put(parameter, length);
                length += (int) parameter.value().numel();
            }
        }
    }

    /** Begins a step. */
    void begin(int microBatches) {
        parts = microBatches;
        squares = 0;
    }

    /** For the gradients of one micro-batch, its share of the mean, which go on to {@code sum}. */
    GradientSink part(int index, GradientSink sum) {
        if (!settings.test().needsSamples()) {
            return (parameter, gradient) -> {
                squares += optimizer.sumOfSquares(gradient);
                sum.accept(parameter, gradient);
            };
        }
        if (index == samples.size()) {
            samples.add(new float[length]);
        }
        float[] sample = samples.get(index);
        Arrays.fill(sample, 0);
        return (parameter, gradient) -> {
            keep(gradient, sample, offsets.get(parameter));
            sum.accept(parameter, gradient);
        };
    }

    private void keep(Tensor gradient, float[] sample, int offset) {
        int count = (int) gradient.numel();
        MemorySegment.copy(gradient.segment(), ValueLayout.JAVA_FLOAT, 0, sample, offset, count);
        for (int i = offset; i < offset + count; i++) {
            sample[i] *= parts;
        }
    }

    /** What was seen, {@code norm} being that of the mean gradient. */
    GradientNoise noise(double norm) {
        return settings.test().needsSamples() ? GradientNoise.ofSamples(samples.subList(0, parts))
                : GradientNoise.ofMicroBatches(parts, settings.microBatch(), squares * parts * parts, norm * norm);
    }
}
