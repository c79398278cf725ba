package dev.smallbatch.optim.train;

import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;

/** Mean loss over a fixed set of validation batches, the same every time. Owns its tape; used by one thread. */
public final class Evaluator {
    private final LossModel model;
    private final Tape tape;
    private final Batch batch;
    private final BatchSource source;
    private final int batches;

    /**
     * @param step region of activations; the training step's suits if the batch is no larger than a micro-batch
     * @param batch written anew for every validation batch; the training step's will do
     * @param source of validation data, read at steps 0 to {@code batches - 1}
     * @param batches at least 1
     */
    public Evaluator(LossModel model, Kernels kernels, Region step, Batch batch, BatchSource source, int batches) {
        if (batches < 1) {
            throw new IllegalArgumentException("evaluator: " + batches + " batches; at least 1");
        }
        this.model = model;
        this.tape = new Tape(kernels, step, Tape.Mode.FORWARD_ONLY);
        this.batch = batch;
        this.source = source;
        this.batches = batches;
    }

    /** Mean of the losses of all targets in nats, added in double in a fixed order; the model does not change. */
    public double loss() {
        double sum = 0;
        long targets = 0;
        for (int i = 0; i < batches; i++) {
            batch.fill(source, i);
            try {
                sum += Losses.sum(model.loss(tape.ops(), batch, 1).value());
            } finally {
                tape.reset();
            }
            targets += batch.targetCount();
        }
        return sum / targets;
    }
}
