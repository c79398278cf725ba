package dev.smallbatch.optim.train;

import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import java.util.List;
import java.util.Locale;

/**
 * The native memory a training run takes, exactly and before any of it is allocated: region capacities in bytes.
 *
 * @param parameters the weights
 * @param optimizerState what the rules remember, and room for their estimates of curvature, for the optimizer's region
 * @param gradients in addition if gradients are kept until the end of a step, for the optimizer's region too
 * @param step activations and the gradients in flight, of one micro-batch
 * @param data tokens and targets of a batch, and of a micro-batch to evaluate with
 */
public record StepMemory(long parameters, long optimizerState, long gradients, long step, long data) {
    /** As the other plan, of a run that keeps all activations. */
    public static StepMemory plan(LossModel model, List<ParameterGroup> groups, Clipping clipping,
            int batchSize, int sequenceLength, int microBatches) {
        return plan(model, groups, clipping, batchSize, sequenceLength, microBatches, false);
    }

    /**
     * Runs one step on the back end that computes nothing, with memory that is only counted.
     *
     * @param model may have parameters without memory (see {@link Region#counting})
     * @param batchSize sequences per step, micro-batches together
     * @param microBatches into how many parts the batch is divided
     * @param recompute whether activations inside blocks are computed again in backward instead of being kept
     * @throws IllegalArgumentException if the batch cannot be divided so
     */
    public static StepMemory plan(LossModel model, List<ParameterGroup> groups, Clipping clipping,
            int batchSize, int sequenceLength, int microBatches, boolean recompute) {
        boolean keepsGradients = TrainStep.keepsGradients(clipping.needsAllGradients()
                || groups.stream().anyMatch(group -> group.rule().needsAllGradients()), microBatches);
        return new StepMemory(
                model.parameters().stream().mapToLong(p -> Region.bytesFor(p.value().dtype(), p.value().shape())).sum(),
                Optimizer.stateBytes(groups, model.parameters()) + DiagonalEstimates.bytes(groups, model.parameters())
                        + BatchSpectrum.bytes(groups, model.parameters()),
                keepsGradients ? Optimizer.gradientBytes(model.parameters()) : 0,
                stepBytes(model, batchSize, sequenceLength, microBatches, TrainStep.mode(recompute)),
                Batch.bytes(batchSize, sequenceLength) + Batch.bytes(batchSize / microBatches, sequenceLength));
    }

    private static long stepBytes(LossModel model, int batchSize, int sequenceLength, int microBatches, Tape.Mode mode) {
        try (Backend none = Backends.open("none", new BackendOptions(1));
                Region step = Region.counting("step");
                Region data = Region.counting("data")) {
            Tape tape = new Tape(none.kernels(), step, mode);
            Batch batch = Batch.allocate(data, batchSize, sequenceLength).part(0, microBatches);
            Var loss = model.loss(tape.ops(), batch, 1);
            tape.backward(loss, (parameter, gradient) -> { });
            return step.peak();
        }
    }

    /** The same but for the weights, for a model that keeps constants beside them. */
    public StepMemory withParameters(long bytes) {
        return new StepMemory(bytes, optimizerState, gradients, step, data);
    }

    /** Capacity of the optimizer's region: state and kept gradients. */
    public long optimizer() {
        return optimizerState + gradients;
    }

    /** All of it. */
    public long total() {
        return parameters + optimizerState + gradients + step + data;
    }

    /** A line for each part and one for the sum, in MiB. */
    public String table() {
        return line("parameters", parameters) + line("optimizer state", optimizerState) + line("gradients kept", gradients)
                + line("activations and gradients in flight", step) + line("tokens", data) + line("total", total());
    }

    private static String line(String name, long bytes) {
        return String.format(Locale.ROOT, "%-36s %10.1f MiB%n", name, bytes / 1048576.0);
    }
}
