package dev.smallbatch.bench.jmh;

import dev.smallbatch.bench.measure.LinearMap;
import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Operation;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** The matrix products of a training step at batch size 1: each linear map of a preset, forward and both of its gradients. */
public class Matmul extends KernelBenchmark {
    /** A preset of {@link GptConfig}, which gives D, T and V. */
    @Param({"tiny", "lm11m", "gpt2s"})
    public String model;

    /** Which {@link LinearMap}. */
    @Param({"QKV", "OUT", "UP", "DOWN", "HEAD"})
    public String layer;

    @Override
    protected List<Operation> prepare(Operands operands) {
        LinearMap map = LinearMap.of(GptConfig.preset(model)).stream()
                .filter(one -> one.name().equals(layer)).findFirst().orElseThrow();
        return map.products(operands).stream()
                .map(product -> Operation.of(kernels -> product.call().accept(kernels.matmul()))).toList();
    }

    /** {@code out = x weight^T}. */
    @Benchmark
    public void forward(Speed speed) {
        run(0, speed);
    }

    /** {@code dx = dout weight}. */
    @Benchmark
    public void inputGradient(Speed speed) {
        run(1, speed);
    }

    /** {@code dweight = dout^T x}. */
    @Benchmark
    public void weightGradient(Speed speed) {
        run(2, speed);
    }
}
