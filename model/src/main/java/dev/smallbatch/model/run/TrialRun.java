package dev.smallbatch.model.run;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.train.Accumulation;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.optim.train.TrainStep;
import java.util.function.ToDoubleFunction;

/** A model that is trained on random tokens to see how long that takes. Owns its memory. */
final class TrialRun implements AutoCloseable {
    private final MemoryPlan.Choice choice;
    private final Kernels kernels;
    private final Region parameters;
    private final Gpt model;
    private long step;

    TrialRun(MemoryPlan.Choice choice, Kernels kernels) {
        this.choice = choice;
        this.kernels = kernels;
        parameters = Region.create("trial parameters", MemoryPlan.of(choice).memory().parameters());
        model = Gpt.initialized(choice.model(), parameters, 0, choice.dtype());
    }

    /** A timing of the steps of a batch size, by a function that is given one step. */
    StepCost.Timing time(int batchSize, ToDoubleFunction<Runnable> timer) {
        MemoryPlan plan = MemoryPlan.of(choice.withBatchSize(batchSize));
        try (Region state = Region.create("trial optimizer", plan.memory().optimizer());
                Region activations = Region.create("trial step", plan.memory().step());
                Region data = Region.create("trial data", plan.memory().data())) {
            Batch batch = Batch.allocate(data, batchSize, choice.model().seqLen());
            Optimizer optimizer = new Optimizer(MemoryPlan.groups(choice), MemoryPlan.clipping(choice), model.parameters(),
                    kernels, state, Rounding.STOCHASTIC, 0);
            TrainStep trainStep = new TrainStep(model, optimizer, kernels, activations,
                    new Accumulation(choice.microBatches(), Accumulation.Weighting.TOKEN), choice.recompute());
            double seconds = timer.applyAsDouble(() -> {
                batch.fill(noise(), step);
                trainStep.run(batch, step++, false);
            });
            return new StepCost.Timing(plan, seconds);
        }
    }

    private BatchSource noise() {
        int vocabulary = choice.model().vocabularySize();
        return (number, tokens, targets) -> {
            RandomKey key = RandomKey.of(0).at(number);
            for (int i = 0; i < tokens.length; i++) {
                tokens[i] = Integer.remainderUnsigned(key.word(2L * i), vocabulary);
                targets[i] = Integer.remainderUnsigned(key.word(2L * i + 1), vocabulary);
            }
        };
    }

    @Override
    public void close() {
        parameters.close();
    }
}
