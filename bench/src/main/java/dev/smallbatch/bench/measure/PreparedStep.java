package dev.smallbatch.bench.measure;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.TrainStep;
import java.util.List;

/** A model with fresh weights, its optimizer and a batch of random tokens: ready for steps. Owns its memory, not the backend. */
public final class PreparedStep implements AutoCloseable {
    private final Setup setup;
    private final List<Region> regions;
    private final Gpt model;
    private final TrainStep trainStep;
    private final Batch batch;
    private final RandomKey key = RandomKey.of(1).fork("tokens");
    private long step;

    /**
     * What is trained.
     *
     * @param config the architecture
     * @param groups the rules
     * @param sequences batch size
     * @param dtype of the weights, F32 or BF16
     * @param recompute whether activations inside blocks are computed again in backward
     */
    public record Setup(GptConfig config, List<ParameterGroup> groups, int sequences, DType dtype, boolean recompute) {
        /** Batch size 1, with a learning rate small enough for random tokens. */
        public static Setup of(GptConfig config, OptimizerKind optimizer, DType dtype, boolean recompute) {
            return new Setup(config, optimizer.atConstantRate(1e-4), 1, dtype, recompute);
        }
    }

    /** Allocates everything and draws the first tokens. */
    public PreparedStep(Setup setup, Kernels kernels) {
        this.setup = setup;
        GptConfig config = setup.config;
        StepMemory memory = StepMemory.plan(Gpt.planned(config, setup.dtype), setup.groups, Clipping.none(), setup.sequences,
                config.seqLen(), 1, setup.recompute);
        Region parameters = Region.create("parameters", Gpt.parameterBytes(config, setup.dtype));
        Region state = Region.create("optimizer", memory.optimizer());
        Region activations = Region.create("step", memory.step());
        Region data = Region.create("data", memory.data());
        regions = List.of(parameters, state, activations, data);
        model = Gpt.initialized(config, parameters, 1, setup.dtype);
        Optimizer optimizer = new Optimizer(setup.groups, Clipping.none(), model.parameters(), kernels, state,
                Rounding.STOCHASTIC, 1);
        trainStep = new TrainStep(model, optimizer, kernels, activations, 1, setup.recompute);
        batch = Batch.allocate(data, setup.sequences, config.seqLen());
        draw();
    }

    /** Fills the batch with the random tokens of the next step; without it a step sees the same ones again. */
    public void draw() {
        batch.fill(this::fill, step);
    }

    private void fill(long ofStep, int[] inputs, int[] targets) {
        RandomKey tokens = key.at(ofStep);
        int length = setup.config.seqLen();
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = token(tokens, i);
            targets[i] = i % length == length - 1 ? token(tokens, inputs.length + i) : token(tokens, i + 1);
        }
    }

    private int token(RandomKey tokens, int index) {
        return (int) (tokens.uniform(index) * setup.config.vocabularySize());
    }

    /** Forward, backward, update; returns the loss. */
    public double train() {
        return trainStep.run(batch, step++, false).loss();
    }

    /** What is trained. */
    public Gpt model() {
        return model;
    }

    /** Tokens of a step. */
    public long tokens() {
        return batch.tokenCount();
    }

    /** Floating-point operations of a step, counted by {@link GptConfig#flopsPerToken}. */
    public double flops() {
        return setup.config.flopsPerToken(setup.config.seqLen()) * tokens();
    }

    /** Frees the memory. */
    @Override
    public void close() {
        regions.forEach(Region::close);
    }
}
