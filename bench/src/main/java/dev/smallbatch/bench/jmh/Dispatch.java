package dev.smallbatch.bench.jmh;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Operation;
import dev.smallbatch.bench.measure.Work;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.train.Batch;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;

/** What a step pays besides its arithmetic: for each call, for each section that all threads work in, for the tape. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class Dispatch extends KernelBenchmark {
    private static final Work NOTHING = new Work(0, 0);

    /** Computes nothing and holds nothing, so nobody closes it. */
    private final Backend none = Backends.open("none", new BackendOptions(1));
    private final Gpt model = Gpt.planned(GptConfig.preset("lm11m"));

    @Override
    protected List<Operation> prepare(Operands operands) {
        Tensor small = operands.uniform(16);
        Tensor rows = operands.uniform(256, 128);
        Tensor out = operands.uniform(256, 128);
        Tensor rstd = operands.uniform(256);
        Region counting = Region.counting("step");
        Batch batch = Batch.allocate(Region.counting("data"), 1, model.config().seqLen()).part(0, 1);
        return List.of(Operation.of(kernels -> kernels.elementwise().fill(small, 1)),
                Operation.of(kernels -> kernels.norm().rmsNorm(out, rstd, rows, null, 1e-6f)),
                new Operation(kernels -> pass(counting, batch), NOTHING));
    }

    private void pass(Region step, Batch batch) {
        Tape tape = new Tape(none.kernels(), step, Tape.Mode.RECORD);
        tape.backward(model.loss(tape.ops(), batch, 1), (parameter, gradient) -> { });
        tape.reset();
    }

    /** The smallest kernel: checks of its arguments, one call, 16 numbers. */
    @Benchmark
    public void call() {
        run(0);
    }

    /** A kernel of a few microseconds of work for one thread, shared between all. */
    @Benchmark
    public void section() {
        run(1);
    }

    /** Forward and backward of lm11m without any arithmetic: checks, memory, the tape. A step adds its updates. */
    @Benchmark
    public void tape() {
        run(2);
    }
}
