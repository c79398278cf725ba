package dev.smallbatch.model.run;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.data.PreparedCorpus;
import dev.smallbatch.model.data.RandomWindows;
import dev.smallbatch.model.data.SequentialBlocks;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.batch.BatchController;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.optim.train.Evaluator;
import dev.smallbatch.optim.train.StepListener;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.TrainLoop;
import dev.smallbatch.optim.train.TrainStep;
import java.util.List;
import java.util.function.DoubleConsumer;

/** The native memory of a run and what lives in it: model, optimizer, batch. Owns its regions; the backend is the caller's. */
final class Workspace implements AutoCloseable {
    private final RunConfig config;
    private final PreparedCorpus corpus;
    private final Region parameters;
    private final Region state;
    private final Region step;
    private final Region data;
    private final Gpt model;
    private final Optimizer optimizer;
    private final Batch batch;
    private final Batch evaluated;
    private final BatchController controller;
    private final TrainStep trainStep;
    private final Evaluator evaluator;

    /** Fresh weights, nothing learned. */
    Workspace(RunConfig config, PreparedCorpus corpus, Kernels kernels) {
        this.config = config;
        this.corpus = corpus;
        StepMemory memory = config.memory().memory();
        parameters = Region.create("parameters", memory.parameters());
        state = Region.create("optimizer", memory.optimizer());
        step = Region.create("step", memory.step());
        data = Region.create("data", memory.data());
        model = Gpt.initialized(config.model(), parameters, config.seed(), config.weights().dtype());
        optimizer = new Optimizer(config.groups(), config.clipping(), model.parameters(), kernels, state,
                config.weights().rounding(), config.seed());
        controller = config.growth() == null ? null : new BatchController(config.growth().from(config.batchSize()));
        int microBatch = config.batchSize() / config.accumulation().microBatches();
        batch = Batch.allocate(data, controller == null ? config.batchSize() : microBatch, config.model().seqLen());
        evaluated = Batch.allocate(data, microBatch, config.model().seqLen());
        trainStep = controller == null
                ? new TrainStep(model, optimizer, kernels, step, config.accumulation(), config.recompute())
                : new TrainStep(model, optimizer, kernels, step, controller, config.recompute());
        evaluator = evaluator(kernels);
    }

    private Evaluator evaluator(Kernels kernels) {
        int sequences = evaluated.batchSize();
        SequentialBlocks all = new SequentialBlocks(corpus.validation(), sequences, config.model().seqLen());
        long batches = Math.clamp(Math.ceilDiv(config.intervals().evalSequences(), sequences), 1, all.batches());
        BatchSource spread = (index, tokens, targets) -> all.fill(index * all.batches() / batches, tokens, targets);
        return new Evaluator(model, kernels, step, evaluated, spread, Math.toIntExact(batches));
    }

    private RandomWindows training() {
        return new RandomWindows(corpus.training(), batch.batchSize(), config.model().seqLen(), config.seed());
    }

    TrainLoop loop(CheckpointStore checkpoints, List<StepListener> listeners) {
        return new TrainLoop(config.loop(), training(), batch, trainStep, evaluator, checkpoints, listeners);
    }

    /**
     * Trains until the time of a step does not fall any more; the weights are then worthless.
     *
     * @param longest seconds to spend at most
     * @param progress told the seconds spent
     * @return seconds of a step
     */
    double measureSecondsPerStep(double longest, DoubleConsumer progress) {
        BatchSource source = training();
        long[] step = {0};
        return StepTimer.steady(() -> {
            batch.fill(source, step[0]);
            trainStep.run(batch, step[0]++, false);
        }, longest, progress);
    }

    /** Goes on with batches as large as they were; {@code state} is null if they do not grow. */
    void restore(BatchController.State state) {
        if (controller != null) {
            controller.restore(state);
        }
    }

    Gpt model() {
        return model;
    }

    Optimizer optimizer() {
        return optimizer;
    }

    @Override
    public void close() {
        data.close();
        step.close();
        state.close();
        parameters.close();
    }
}
