package dev.smallbatch.bench.jmh;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Operation;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Optimizer updates of one parameter, which memory bounds. */
public class Update extends KernelBenchmark {
    /** In the order of the slots; rates so small that the numbers stay where they are, however often they are changed. */
    private static final float[] SGD = {1e-9f, 1, 0, 0, 0, 0.9f};
    private static final float[] ADAMW = {1e-9f, 1, 0, 0, 0, 0.9f, 0.1f, 0.999f, 0.001f, 1, 1, 1e-8f};

    /** How the parameter is stored. */
    public enum Weights {
        /** 32 bits. */
        F32(DType.F32, Rounding.NEAREST_EVEN),
        /** 16 bits, rounded to nearest. */
        BF16_NEAREST(DType.BF16, Rounding.NEAREST_EVEN),
        /** 16 bits, rounded at random. */
        BF16_STOCHASTIC(DType.BF16, Rounding.STOCHASTIC);

        private final DType dtype;
        private final Rounding rounding;

        Weights(DType dtype, Rounding rounding) {
            this.dtype = dtype;
            this.rounding = rounding;
        }
    }

    /** Elements: a matrix of lm11m, which caches hold, and its head, which they do not. */
    @Param({"589824", "19298688"})
    public int size;

    /** How the parameter is stored. */
    @Param({"F32", "BF16_NEAREST", "BF16_STOCHASTIC"})
    public Weights weights;

    @Override
    protected List<Operation> prepare(Operands operands) {
        Tensor p = operands.uniform(weights.dtype, size);
        Tensor m = operands.uniform(size);
        Tensor v = operands.uniform(size);
        Tensor g = operands.uniform(size);
        new Init.Zeros().fill(v, RandomKey.of(1));
        Tensor sgd = operands.numbers(SGD);
        Tensor adamW = operands.numbers(ADAMW);
        return List.of(Operation.of(kernels -> kernels.update().sgdStep(p, null, g, sgd, weights.rounding, 1)),
                Operation.of(kernels -> kernels.update().sgdStep(p, m, g, sgd, weights.rounding, 1)),
                Operation.of(kernels -> kernels.update().adamWStep(p, m, v, g, adamW, weights.rounding, 1)));
    }

    /** SGD without momentum. */
    @Benchmark
    public void sgd(Speed speed) {
        run(0, speed);
    }

    /** SGD with momentum. */
    @Benchmark
    public void sgdMomentum(Speed speed) {
        run(1, speed);
    }

    /** AdamW. */
    @Benchmark
    public void adamW(Speed speed) {
        run(2, speed);
    }
}
