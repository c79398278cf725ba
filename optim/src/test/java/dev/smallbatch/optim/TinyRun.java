package dev.smallbatch.optim;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.WarmupCosine;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.Evaluator;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.StepResult;
import dev.smallbatch.optim.train.TrainStep;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** A training set-up for {@link TinyModel} on the scalar back end, in regions of exactly the planned sizes. */
public final class TinyRun implements AutoCloseable {
    public static final int LENGTH = 6;
    public static final long SEED = 11;

    private final List<Region> regions = new ArrayList<>();
    public final Backend backend;
    public final StepMemory plan;
    public final Region step;
    public final TinyModel model;
    public final Optimizer optimizer;
    public final TrainStep trainStep;
    public final Batch batch;
    public final Batch evalBatch;
    public final TinyText source = new TinyText(SEED, LENGTH);

    public TinyRun() {
        this(adamW(), Clipping.none(), 2, 1);
    }

    public TinyRun(UpdateRule rule, Clipping clipping, int batchSize, int microBatches) {
        this(rule, clipping, batchSize, microBatches, DType.F32, Rounding.STOCHASTIC);
    }

    /** With matrices and tables of a type, and how they are rounded if it is BF16. */
    public TinyRun(UpdateRule rule, Clipping clipping, int batchSize, int microBatches, DType dtype, Rounding rounding) {
        this(List.of(ParameterGroup.all(rule)), clipping, batchSize, microBatches, dtype, rounding);
    }

    /** With several rules. */
    public TinyRun(List<ParameterGroup> groups, Clipping clipping, int batchSize, int microBatches, DType dtype,
            Rounding rounding) {
        try (Region counting = Region.counting("parameters")) {
            plan = StepMemory.plan(new TinyModel(counting, SEED, dtype), groups, clipping, batchSize, LENGTH, microBatches);
        }
        backend = Backends.open("scalar", new BackendOptions(1));
        step = region("step", plan.step());
        Region data = region("data", plan.data());
        model = new TinyModel(region("parameters", plan.parameters()), SEED, dtype);
        optimizer = new Optimizer(groups, clipping, model.parameters(), backend.kernels(),
                region("optimizer", plan.optimizer()), rounding, SEED);
        trainStep = new TrainStep(model, optimizer, backend.kernels(), step, microBatches);
        batch = Batch.allocate(data, batchSize, LENGTH);
        evalBatch = Batch.allocate(data, batchSize / microBatches, LENGTH);
    }

    public static AdamW adamW() {
        return new AdamW(new WarmupCosine(0.02, 40, 4), new Decay.PerStep(0.9), new Decay.HalfLife(500), 1e-8, 0.01);
    }

    private Region region(String label, long capacityBytes) {
        regions.add(Region.create(label, capacityBytes));
        return regions.getLast();
    }

    public Evaluator evaluator(int batches) {
        return new Evaluator(model, backend.kernels(), step, evalBatch, new TinyText(SEED + 1, LENGTH), batches);
    }

    /** One step on the data of that step. */
    public StepResult train(long number) {
        return train(number, true);
    }

    public StepResult train(long number, boolean measureNorm) {
        batch.fill(source, number);
        return trainStep.run(batch, number, measureNorm);
    }

    /** Every weight and every number the rule remembers, one after the other. */
    public float[] everything() {
        List<float[]> parts = new ArrayList<>();
        model.parameters().forEach(parameter -> parts.add(floats(parameter.value())));
        optimizer.state().values().forEach(tensor -> parts.add(floats(tensor)));
        return joined(parts);
    }

    public float[] weights() {
        return joined(model.parameters().stream().map(parameter -> floats(parameter.value())).toList());
    }

    /** The elements of a tensor. */
    public static float[] floats(Tensor tensor) {
        float[] values = new float[(int) tensor.numel()];
        for (int i = 0; i < values.length; i++) {
            values[i] = tensor.getFlat(i);
        }
        return values;
    }

    /** Makes the first element of an F32 tensor NaN. */
    public static void spoil(Tensor tensor) {
        tensor.segment().set(ValueLayout.JAVA_FLOAT, 0, Float.NaN);
    }

    public Parameter parameter(String name) {
        return model.parameters().stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow();
    }

    /** One after the other. */
    public static float[] joined(List<float[]> parts) {
        float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    @Override
    public void close() {
        regions.forEach(Region::close);
        backend.close();
    }
}
