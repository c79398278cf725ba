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
    private static final float[] SGD = {1e-9f, 1, 0, 0, 0, 0.9f, 0.1f, 0.9f, 0.1f};
    private static final float[] ROOT = {1e-9f, 1, 0, 0, 0, 0.99f, 0.01f, 1e-8f};
    private static final float[] ADAFACTOR = {1e-9f, 1, 0, 0, 0, 0.99f, 0.01f};
    /** Columns of the parameter, those of lm11m's hidden layers and head. */
    private static final int COLS = 384;
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
        int rows = size / COLS;
        Tensor p = operands.uniform(weights.dtype, rows, COLS);
        Tensor m = operands.uniform(rows, COLS);
        Tensor v = operands.uniform(rows, COLS);
        Tensor g = operands.uniform(rows, COLS);
        Tensor x = operands.uniform(1, 1, rows, COLS);
        Tensor r = operands.uniform(rows, 1);
        Tensor c = operands.uniform(1, COLS);
        for (Tensor squares : List.of(v, r, c)) {
            new Init.Zeros().fill(squares, RandomKey.of(1));
        }
        Tensor root = operands.numbers(ROOT);
        Tensor adafactor = operands.numbers(ADAFACTOR);
        Tensor sgd = operands.numbers(SGD);
        Tensor adamW = operands.numbers(ADAMW);
        return List.of(Operation.of(kernels -> kernels.update().sgdStep(p, null, g, sgd, weights.rounding, 1)),
                Operation.of(kernels -> kernels.update().sgdStep(p, m, g, sgd, weights.rounding, 1)),
                Operation.of(kernels -> kernels.update().adamWStep(p, m, v, g, adamW, weights.rounding, 1)),
                Operation.of(kernels -> kernels.update().signStep(p, m, g, sgd, weights.rounding, 1)),
                Operation.of(kernels -> kernels.update().rootStep(p, v, g, root, weights.rounding, 1)),
                Operation.of(kernels -> kernels.update().adafactorStep(p, v, g, adafactor, weights.rounding, 1)),
                Operation.of(kernels -> kernels.update().factoredAdafactorStep(p, r, c, g, adafactor, weights.rounding, 1)),
                Operation.of(kernels -> {
                    kernels.update().muonMoment(m, x, g, sgd);
                    kernels.update().muonStep(p, x, sgd, 1, weights.rounding, 1);
                }));
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

    /** Signum and Lion. */
    @Benchmark
    public void sign(Speed speed) {
        run(3, speed);
    }

    /** AdaGrad and RMSProp. */
    @Benchmark
    public void root(Speed speed) {
        run(4, speed);
    }

    /** Adafactor that keeps the whole second moment. */
    @Benchmark
    public void adafactor(Speed speed) {
        run(5, speed);
    }

    /** Adafactor that keeps the means of rows and columns. */
    @Benchmark
    public void factoredAdafactor(Speed speed) {
        run(6, speed);
    }

    /** Muon without its products. */
    @Benchmark
    public void muon(Speed speed) {
        run(7, speed);
    }
}
