package dev.smallbatch.bench.experiments;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.optim.schedule.WarmupCosine;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.optim.train.Evaluator;
import dev.smallbatch.optim.train.NonFiniteLossException;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.TrainStep;
import java.util.List;

/** One run of the paper's decoder from fresh weights over one epoch: 5 % warm-up, cosine to zero, validation at the end. */
final class LanguageModelRun {
    private static final double WARMUP = 0.05;
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
    record Result(Double loss, Double trainingLoss, long steps, double seconds, long memory) {}

    /** Trains; the kernels' threads compute. */
    Result run(Cell cell, Kernels kernels) {
        GptConfig model = scale.model();
        DType dtype = cell.weights() == null || cell.weights().equals("f32") ? DType.F32 : DType.BF16;
        int micro = cell.microBatches() != null ? cell.microBatches() : Math.ceilDiv(cell.batch(), scale.microBatch());
        long steps = text.trainingBlocks() / cell.batch();
        Schedule lr = new WarmupCosine(cell.lr(), steps, (long) (WARMUP * steps));
        List<ParameterGroup> groups = groups(cell, lr);
        StepMemory memory = StepMemory.plan(Gpt.planned(model, dtype), groups, Clipping.none(), cell.batch(), model.seqLen(), micro)
                .withParameters(Gpt.parameterBytes(model, dtype));
        try (Region parameters = Region.create("parameters", memory.parameters());
                Region state = Region.create("optimizer", memory.optimizer());
                Region step = Region.create("step", memory.step());
                Region data = Region.create("data", memory.data())) {
            Gpt gpt = Gpt.initialized(model, parameters, cell.seed(), dtype);
            Rounding rounding = "bf16-stochastic".equals(cell.weights()) ? Rounding.STOCHASTIC : Rounding.NEAREST_EVEN;
            Optimizer optimizer =
                    new Optimizer(groups, Clipping.none(), gpt.parameters(), kernels, state, rounding, cell.seed());
            TrainStep training = new TrainStep(gpt, optimizer, kernels, step, micro);
            Batch batch = Batch.allocate(data, cell.batch(), model.seqLen());
            long begin = System.nanoTime();
            double last = train(training, batch, cell, steps);
            double seconds = (System.nanoTime() - begin) * 1e-9;
            return new Result(validate(gpt, cell, kernels), last, steps, seconds, memory.total());
        } catch (NonFiniteLossException diverged) {
            return new Result(null, null, diverged.step(), 0, memory.total());
        }
    }

    private double train(TrainStep training, Batch batch, Cell cell, long steps) {
        BatchSource source = text.training(cell.batch(), Math.min(cell.batch(), scale.microBatch()), cell.seed());
        long first = steps - Math.max(1, (long) (NEWEST * steps));
        double sum = 0;
        for (long step = 0; step < steps; step++) {
            batch.fill(source, step);
            double loss = training.run(batch, step, false).loss();
            sum += step >= first ? loss : 0;
        }
        return sum / (steps - first);
    }

    private double validate(Gpt gpt, Cell cell, Kernels kernels) {
        int length = scale.seqLen();
        int batches = text.validationBlocks() / VALIDATION_BATCH;
        StepMemory memory = StepMemory.plan(gpt, List.of(ParameterGroup.all(new Sgd(step -> 0))), Clipping.none(),
                VALIDATION_BATCH, length, 1);
        try (Region step = Region.create("validation", memory.step());
                Region data = Region.create("data", memory.data())) {
            BatchSource source =
                    text.validation(VALIDATION_BATCH, Math.min(cell.batch(), scale.microBatch()), cell.seed());
            return new Evaluator(gpt, kernels, step, Batch.allocate(data, VALIDATION_BATCH, length), source, batches).loss();
        }
    }

    private List<ParameterGroup> groups(Cell cell, Schedule lr) {
        UpdateRule rule = switch (cell.optimizer()) {
            case "sgd" -> new Sgd(lr);
            case "adam" -> new AdamW(lr, cell.firstMoment(), cell.secondMoment());
            default -> throw new IllegalArgumentException("experiment: no optimizer '" + cell.optimizer() + "'");
        };
        return List.of(ParameterGroup.all(rule));
    }
}
