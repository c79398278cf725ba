package dev.smallbatch.bench.jmh;

import dev.smallbatch.bench.measure.PreparedStep;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.OptimizerKind;
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
    /** A preset of {@link GptConfig}; {@code gpt2s}, which takes seconds a step, on request. */
    @Param({"tiny", "small", "lm11m"})
    public String model;

    /** Any; ADAMW and SGD unless others are asked for. */
    @Param({"SGD", "ADAMW"})
    public OptimizerKind optimizer;

    /** Type of the weights. */
    @Param("F32")
    public DType dtype;

    /** Whether activations inside blocks are computed again in backward. */
    @Param("false")
    public boolean recompute;

    /** A name, as for {@link Backends#open}. */
    @Param("vector")
    public String backend;

    private Backend opened;
    private PreparedStep step;

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
        opened = Backends.open(backend, BackendOptions.defaults());
        step = new PreparedStep(PreparedStep.Setup.of(GptConfig.preset(model), optimizer, dtype, recompute), opened.kernels());
    }

    /** Forward, backward, update. */
    @Benchmark
    public double train(Work work) {
        work.tokens += step.tokens();
        work.gflop += 1e-9 * step.flops();
        return step.train();
    }

    /** Ends the threads and frees the memory. */
    @TearDown(Level.Trial)
    public void close() {
        opened.close();
        step.close();
    }
}
