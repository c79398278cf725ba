package dev.smallbatch.bench.jmh;

import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.GptConfig;
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
 * The matrix products of one training step at batch size 1: each linear map of a preset, forward and both of its gradients.
 * The column {@code gflop} is in GFLOP/s, counting 2 M N K for a product. Threads: {@code -Dsmallbatch.threads}, else one per
 * processor.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class Matmul {
    /** A preset of {@link GptConfig}, which gives D, T and V. */
    @Param({"tiny", "lm11m", "gpt2s"})
    public String model;

    /** Which linear map. */
    @Param({"QKV", "OUT", "UP", "DOWN", "HEAD"})
    public Layer layer;

    /** A name, as for {@link Backends#open}. */
    @Param("vector")
    public String backend;

    private Backend opened;
    private Region region;
    private Tensor x;
    private Tensor weight;
    private Tensor out;
    private double gigaflop;

    /** The linear maps of a decoder; {@code C_in} to {@code C_out}. */
    public enum Layer {
        /** D to 3D. */
        QKV,
        /** D to D. */
        OUT,
        /** D to 4D. */
        UP,
        /** 4D to D. */
        DOWN,
        /** D to V. */
        HEAD;

        int in(GptConfig config) {
            return this == DOWN ? config.mlpDim() : config.dim();
        }

        int out(GptConfig config) {
            return switch (this) {
                case QKV -> 3 * config.dim();
                case OUT, DOWN -> config.dim();
                case UP -> config.mlpDim();
                case HEAD -> config.vocabularySize();
            };
        }
    }

    /** Work done, which JMH divides by the time. */
    @AuxCounters
    @State(Scope.Thread)
    public static class Work {
        /** 1e9 floating-point operations. */
        public double gflop;
    }

    /** Operands with numbers as a step has them: the time of a product does not depend on them, but NaN and denormals would. */
    @Setup(Level.Trial)
    public void open() {
        GptConfig config = GptConfig.preset(model);
        Shape inputs = Shape.of(config.seqLen(), layer.in(config));
        Shape weights = Shape.of(layer.out(config), layer.in(config));
        Shape outputs = Shape.of(config.seqLen(), layer.out(config));
        opened = Backends.open(backend, BackendOptions.defaults());
        region = Region.create("matmul", Region.bytesFor(DType.F32, inputs) + Region.bytesFor(DType.F32, weights)
                + Region.bytesFor(DType.F32, outputs));
        x = normal(inputs, "x");
        weight = normal(weights, "weight");
        out = normal(outputs, "out");
        gigaflop = 2e-9 * config.seqLen() * layer.in(config) * layer.out(config);
    }

    private Tensor normal(Shape shape, String name) {
        Tensor tensor = region.allocate(DType.F32, shape);
        new Init.Normal(1).fill(tensor, RandomKey.of(1).fork(name));
        return tensor;
    }

    /** {@code out = x weight^T}. */
    @Benchmark
    public void forward(Work work) {
        opened.kernels().matmul().linear(out, x, weight, null);
        work.gflop += gigaflop;
    }

    /** {@code dx = dout weight}. */
    @Benchmark
    public void inputGradient(Work work) {
        opened.kernels().matmul().matmul(x, out, Transpose.NO, weight, Transpose.NO, 1, 0);
        work.gflop += gigaflop;
    }

    /** {@code dweight = dout^T x}. */
    @Benchmark
    public void weightGradient(Work work) {
        opened.kernels().matmul().matmul(weight, out, Transpose.YES, x, Transpose.NO, 1, 0);
        work.gflop += gigaflop;
    }

    /** Ends the threads and frees the operands. */
    @TearDown(Level.Trial)
    public void close() {
        opened.close();
        region.close();
    }
}
