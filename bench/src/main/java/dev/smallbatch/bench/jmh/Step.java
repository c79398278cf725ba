package dev.smallbatch.bench.jmh;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.TrainStep;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A whole training step at batch size 1: forward, backward, update. The column {@code tokens} is in tokens/s, {@code gflop}
 * in GFLOP/s, counted by {@link GptConfig#flopsPerToken}. Threads: {@code -Dsmallbatch.threads}, else one per processor.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 3)
@Measurement(iterations = 5, time = 3)
@Fork(1)
public class Step {
    private static final int VARIETY = 7919;

    /** A preset of {@link GptConfig}; {@code gpt2s}, which takes seconds a step, on request. */
    @Param({"tiny", "small", "lm11m"})
    public String model;

    /** {@code sgd} or {@code adamw}. */
    @Param({"sgd", "adamw"})
    public String optimizer;

    /** Whether activations inside blocks are computed again in backward. */
    @Param("false")
    public boolean recompute;

    /** A name, as for {@link Backends#open}. */
    @Param("vector")
    public String backend;

    private GptConfig config;
    private Backend opened;
    private Region parameters;
    private Region state;
    private Region activations;
    private Region data;
    private Batch batch;
    private TrainStep trainStep;
    private long step;

    /** Work done, which JMH divides by the time. */
    @AuxCounters
    @State(Scope.Thread)
    public static class Work {
        /** Tokens learned from. */
        public long tokens;
        /** 1e9 floating-point operations. */
        public double gflop;
    }

    /** A model with fresh weights, and one sequence that it sees again and again. */
    @Setup(Level.Trial)
    public void open() {
        config = GptConfig.preset(model);
        List<ParameterGroup> groups = List.of(ParameterGroup.all(rule()));
        StepMemory memory = StepMemory.plan(Gpt.planned(config), groups, Clipping.none(), 1, config.seqLen(), 1, recompute);
        opened = Backends.open(backend, BackendOptions.defaults());
        parameters = Region.create("parameters", Gpt.parameterBytes(config));
        state = Region.create("optimizer", memory.optimizer());
        activations = Region.create("step", memory.step());
        data = Region.create("data", memory.data());
        Gpt gpt = Gpt.initialized(config, parameters, 1);
        trainStep = new TrainStep(gpt, new Optimizer(groups, Clipping.none(), gpt.parameters(), opened.kernels(), state),
                opened.kernels(), activations, 1, recompute);
        batch = Batch.allocate(data, 1, config.seqLen());
        batch.fill(this::tokens, 0);
    }

    private UpdateRule rule() {
        return switch (optimizer) {
            case "sgd" -> new Sgd(new Constant(1e-3));
            case "adamw" -> new AdamW(new Constant(1e-4), new Decay.PerStep(0.9), new Decay.HalfLife(10e6));
            default -> throw new IllegalArgumentException("step: no optimizer '" + optimizer + "'; there are sgd and adamw");
        };
    }

    private void tokens(long ignored, int[] tokens, int[] targets) {
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = (int) ((long) i * VARIETY % config.vocabularySize());
            targets[i] = (int) ((i + 1L) * VARIETY % config.vocabularySize());
        }
    }

    /** Forward, backward, update. */
    @Benchmark
    public double train(Work work) {
        work.tokens += batch.tokenCount();
        work.gflop += 1e-9 * config.flopsPerToken(config.seqLen()) * batch.tokenCount();
        return trainStep.run(batch, step++, false).loss();
    }

    /** Ends the threads and frees the memory. */
    @TearDown(Level.Trial)
    public void close() {
        opened.close();
        for (Region region : List.of(parameters, state, activations, data)) {
            region.close();
        }
    }
}
