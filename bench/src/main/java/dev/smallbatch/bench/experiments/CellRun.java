package dev.smallbatch.bench.experiments;

import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.model.run.ScheduleKind;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.curvature.HessianProduct;
import dev.smallbatch.optim.curvature.SymmetricOperator;
import dev.smallbatch.optim.rule.Adafactor;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.Muon;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.optim.schedule.WarmupCosine;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.optim.train.NonFiniteLossException;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.StepResult;
import dev.smallbatch.optim.train.TrainStep;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** A cell's model, optimizer and batch in native memory, ready for its steps. Owns the memory; the backend is the caller's. */
final class CellRun implements AutoCloseable {
    private static final double EPS = 1e-8;
    private static final double TABLE_BETA1 = 0.9;
    /** Of Muon's tables, which go by AdamW: the published runs left this library default in place. */
    private static final double TABLE_DECAY = 1e-4;

    private final List<Region> regions;
    private final Region activations;
    private final StepMemory memory;
    private final Gpt gpt;
    private final Kernels kernels;
    private final int microBatches;
    private final TrainStep step;
    private final Batch batch;

    /**
     * Allocates everything.
     *
     * @param steps updates of the whole run, for the scale's warm-up, and a cosine unless the optimizer wants a constant rate
     */
    CellRun(Scale scale, Cell cell, long steps, Kernels kernels) {
        this(scale, cell, peak -> schedule(scale, cell, peak, steps), kernels);
    }

    /** As the other, with a schedule for each peak. */
    CellRun(Scale scale, Cell cell, Function<Double, Schedule> schedule, Kernels kernels) {
        GptConfig model = scale.model();
        List<ParameterGroup> groups = groups(scale, cell, schedule);
        this.kernels = kernels;
        microBatches = microBatches(scale, cell);
        memory = plan(model, cell, groups, microBatches, false);
        Region parameters = Region.create("parameters", memory.parameters());
        Region state = Region.create("optimizer", memory.optimizer());
        activations = Region.create("step", memory.step());
        Region data = Region.create("data", memory.data());
        regions = new ArrayList<>(List.of(parameters, state, activations, data));
        gpt = Gpt.initialized(model, parameters, cell.seed(), dtype(cell));
        Rounding rounding = "bf16-nearest".equals(cell.weights()) ? Rounding.NEAREST_EVEN : Rounding.STOCHASTIC;
        Optimizer optimizer = new Optimizer(groups, clipping(cell), gpt.parameters(), kernels, state, rounding, cell.seed());
        step = new TrainStep(gpt, optimizer, kernels, activations, microBatches);
        batch = Batch.allocate(data, cell.batch(), model.seqLen());
    }

    private static Schedule schedule(Scale scale, Cell cell, double peak, long steps) {
        long warmup = (long) (scale.warmup() * steps);
        boolean constant = cell.settings() != null && OptimizerKind.named(cell.optimizer()).schedule() == ScheduleKind.CONSTANT;
        if (constant) {
            return new Constant(peak, warmup);
        }
        Schedule cosine = new WarmupCosine(peak, steps, warmup);
        return step -> step < warmup ? cosine.at(step) : scale.floor() * peak + (1 - scale.floor()) * cosine.at(step);
    }

    /** The memory of a run, without allocating it. */
    static StepMemory plan(Scale scale, Cell cell, boolean recompute) {
        return plan(scale.model(), cell, groups(scale, cell, Constant::new), microBatches(scale, cell), recompute);
    }

    private static StepMemory plan(GptConfig model, Cell cell, List<ParameterGroup> groups, int micro, boolean recompute) {
        return StepMemory.plan(Gpt.planned(model, dtype(cell)), groups, clipping(cell), cell.batch(), model.seqLen(), micro,
                recompute).withParameters(Gpt.parameterBytes(model, dtype(cell)));
    }

    private static Clipping clipping(Cell cell) {
        return cell.clip() == null ? Clipping.none() : new Clipping.GlobalNorm(cell.clip());
    }

    private static DType dtype(Cell cell) {
        return cell.weights() == null || cell.weights().equals("f32") ? DType.F32 : DType.BF16;
    }

    private static int microBatches(Scale scale, Cell cell) {
        return cell.microBatches() != null ? cell.microBatches() : Math.ceilDiv(cell.batch(), scale.microBatch());
    }

    private static List<ParameterGroup> groups(Scale scale, Cell cell, Function<Double, Schedule> schedule) {
        if (cell.settings() != null) {
            OptimizerKind kind = OptimizerKind.named(cell.optimizer());
            Decay second = cell.beta2() == null ? new Decay.HalfLife(scale.t2()) : cell.secondMoment();
            return kind.groups(cell.lr(), second, cell.weightDecay(), kind.settings(cell.settings(), false), schedule::apply);
        }
        Schedule lr = schedule.apply(cell.lr());
        double decay = cell.weightDecay() == null ? 0 : cell.weightDecay();
        return switch (cell.optimizer()) {
            case "sgd" -> List.of(ParameterGroup.all(new Sgd(lr)));
            case "adam" -> List.of(ParameterGroup.all(new AdamW(lr, cell.firstMoment(), cell.secondMoment(), EPS, decay)));
            case "adafactor" -> {
                // As published: what is called beta2 is the exponent of a growing memory.
                double power = cell.secondMoment().perStep((long) cell.batch() * scale.seqLen());
                yield List.of(ParameterGroup.all(
                        new Adafactor(lr, new Adafactor.SecondMoment.Power(power), scale.factorFrom(), 0)));
            }
            case "muon" -> List.of(
                    new ParameterGroup("matrices", parameter -> parameter.role() == Role.MATRIX,
                            new Muon(lr, cell.firstMoment())),
                    new ParameterGroup("tables", parameter -> parameter.role() != Role.MATRIX, tables(cell, schedule)));
            default -> throw new IllegalArgumentException("experiment: no optimizer '" + cell.optimizer()
                    + "'; there are sgd, adam, adafactor and muon");
        };
    }

    private static AdamW tables(Cell cell, Function<Double, Schedule> schedule) {
        Decay beta1 = cell.tableT1() == null ? new Decay.PerStep(TABLE_BETA1) : new Decay.HalfLife(cell.tableT1());
        return new AdamW(schedule.apply(cell.tableLr()), beta1, cell.secondMoment(), EPS, TABLE_DECAY);
    }

    /**
     * Makes the update of a step, from 0 up; returns the mean loss of its batch.
     *
     * @throws NonFiniteLossException if it was skipped: an experiment does not wait for ten of those
     */
    double train(BatchSource source, long number) {
        batch.fill(source, number);
        StepResult result = step.run(batch, number, false);
        if (result.skipped()) {
            throw new NonFiniteLossException(number, "loss or a gradient", result.loss());
        }
        return result.loss();
    }

    /** {@link #gpt} as it is to be evaluated, until that is closed. */
    Optimizer.Evaluation evaluation() {
        return step.optimizer().evaluation();
    }

    /** Batches that mean nothing, to see what a step takes. */
    static BatchSource pattern(int vocabulary) {
        return (number, tokens, targets) -> {
            for (int i = 0; i < tokens.length; i++) {
                tokens[i] = (int) ((number + 7L * i) % vocabulary);
                targets[i] = (tokens[i] + 1) % vocabulary;
            }
        };
    }

    Gpt gpt() {
        return gpt;
    }

    /** Puts weights, as {@link #weights} gives them, in the place of the model's. */
    void load(List<float[]> weights) {
        for (int i = 0; i < weights.size(); i++) {
            gpt.parameters().get(i).value().copyFrom(weights.get(i));
        }
    }

    /** A copy of F32 weights, parameter by parameter. */
    List<float[]> weights() {
        return gpt.parameters().stream().map(parameter -> parameter.value().toFloatArray()).toList();
    }

    /** The Hessian of the loss of a source's first batch, until another is trained on. */
    SymmetricOperator hessian(BatchSource source) {
        Region room = Region.create("hessian", HessianProduct.bytes(gpt.parameters()));
        regions.add(room);
        batch.fill(source, 0);
        return new HessianProduct(gpt, kernels, activations, microBatches, room).on(batch);
    }

    StepMemory memory() {
        return memory;
    }

    @Override
    public void close() {
        regions.forEach(Region::close);
    }
}
