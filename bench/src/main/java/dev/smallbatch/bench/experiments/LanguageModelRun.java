package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.optim.train.Evaluator;
import dev.smallbatch.optim.train.NonFiniteLossException;
import dev.smallbatch.optim.train.StepMemory;
import java.util.List;
import java.util.function.DoubleConsumer;

/** Trains the paper's decoder from fresh weights over one epoch and measures its validation loss at the end. */
final class LanguageModelRun {
    private static final double NEWEST = 0.03;
    private static final int VALIDATION_BATCH = 16;

    private final Scale scale;
    private final TextBlocks text;

    LanguageModelRun(Scale scale, TextBlocks text) {
        this.scale = scale;
        this.text = text;
    }

    /**
     * How it ended.
     *
     * @param loss mean validation loss in nats per token; null if the run diverged
     * @param trainingLoss mean of the last 3 % of the steps; null if it diverged
     * @param steps updates made
     * @param seconds of training
     * @param memory native bytes, planned exactly
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Result(Double loss, Double trainingLoss, long steps, double seconds, long memory) {}

    /** Trains; the kernels' threads compute. */
    Result run(Cell cell, Kernels kernels, DoubleConsumer progress) {
        long steps = text.trainingBlocks() / cell.batch();
        long begin = System.nanoTime();
        try (CellRun run = new CellRun(scale, cell, steps, kernels)) {
            long memory = run.memory().total();
            try {
                double last = train(run, cell, steps, progress);
                double seconds = (System.nanoTime() - begin) * 1e-9;
                try (Optimizer.Evaluation _ = run.evaluation()) {
                    double loss = validate(run.gpt(), cell, kernels);
                    return new Result(Double.isFinite(loss) ? loss : null, last, steps, seconds, memory);
                }
            } catch (NonFiniteLossException diverged) {
                return new Result(null, null, diverged.step(), (System.nanoTime() - begin) * 1e-9, memory);
            }
        }
    }

    /** Trains; the weights at the end. */
    List<float[]> weights(Cell cell, Kernels kernels) {
        long steps = text.trainingBlocks() / cell.batch();
        try (CellRun run = new CellRun(scale, cell, steps, kernels)) {
            train(run, cell, steps, part -> { });
            return run.weights();
        }
    }

    private double train(CellRun run, Cell cell, long steps, DoubleConsumer progress) {
        BatchSource source = text.training(cell.batch(), group(cell), cell.seed());
        long first = steps - Math.max(1, (long) (NEWEST * steps));
        double sum = 0;
        for (long step = 0; step < steps; step++) {
            double loss = run.train(source, step);
            sum += step >= first ? loss : 0;
            progress.accept((step + 1.0) / steps);
        }
        return sum / (steps - first);
    }

    private int group(Cell cell) {
        return Math.min(cell.batch(), scale.microBatch());
    }

    private double validate(Gpt gpt, Cell cell, Kernels kernels) {
        int length = scale.seqLen();
        StepMemory memory = StepMemory.plan(gpt, List.of(ParameterGroup.all(new Sgd(step -> 0))), Clipping.none(),
                VALIDATION_BATCH, length, 1);
        try (Region step = Region.create("validation", memory.step());
                Region data = Region.create("data", memory.data())) {
            BatchSource source = text.validation(VALIDATION_BATCH, group(cell), cell.seed());
            return new Evaluator(gpt, kernels, step, Batch.allocate(data, VALIDATION_BATCH, length), source,
                    text.validationBlocks() / VALIDATION_BATCH).loss();
        }
    }
}
