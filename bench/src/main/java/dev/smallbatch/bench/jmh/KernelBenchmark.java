package dev.smallbatch.bench.jmh;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Operation;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
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
 * What benchmarks of kernels have in common: an open backend, operands of the right sizes, and the work counted. Threads:
 * {@code -Dsmallbatch.threads}, else one per processor.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public abstract class KernelBenchmark {
    /** A name, as for {@link Backends#open}. */
    @Param("vector")
    public String backend;

    private Backend opened;
    private Operands.Placed<List<Operation>> operations;

    /** Work done, which JMH divides by the time. */
    @AuxCounters
    @State(Scope.Thread)
    public static class Speed {
        /** 1e9 floating-point operations of matrix products: the rate is in GFLOP/s. */
        public double gflop;
        /** 1e9 bytes, each operand counted once: the rate is in GB/s. */
        public double gigabytes;
    }

    /** What the benchmark's methods run, in their order; called twice, the first time with operands that have no memory. */
    protected abstract List<Operation> prepare(Operands operands);

    /** Opens the backend and allocates the operands. */
    @Setup(Level.Trial)
    public void open() {
        opened = Backends.open(backend, BackendOptions.defaults());
        operations = Operands.place(this::prepare);
    }

    /** Runs the operation with that index in the list. */
    protected final void run(int index) {
        operations.work().get(index).call().accept(opened.kernels());
    }

    /** As {@link #run(int)}, and counts its work. */
    protected final void run(int index, Speed speed) {
        Operation operation = operations.work().get(index);
        operation.call().accept(opened.kernels());
        speed.gflop += 1e-9 * operation.work().flops();
        speed.gigabytes += 1e-9 * operation.work().bytes();
    }

    /** Ends the threads and frees the operands. */
    @TearDown(Level.Trial)
    public void close() {
        opened.close();
        operations.close();
    }
}
