package dev.smallbatch.bench.jmh;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Operation;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Everything between the products of a block at batch size 1: normalizations, rotary embedding, activation, residual. */
public class Rowwise extends KernelBenchmark {
    private static final float EPS = 1e-6f;

    /** A preset of {@link GptConfig}, which gives D and T. */
    @Param({"tiny", "lm11m", "gpt2s"})
    public String model;

    @Override
    protected List<Operation> prepare(Operands operands) {
        GptConfig config = GptConfig.preset(model);
        long time = config.seqLen();
        AttentionSpec spec = new AttentionSpec(1, config.seqLen(), config.heads(), config.heads(), config.headSize());
        Tensor x = operands.uniform(time, config.dim());
        Tensor out = operands.uniform(time, config.dim());
        Tensor rstd = operands.uniform(time);
        Tensor qkv = operands.uniform(spec.qkvShape().dims());
        Tensor qkvOut = operands.uniform(spec.qkvShape().dims());
        Tensor headRstd = operands.uniform(1, time, 2L * config.heads());
        Tensor cos = operands.uniform(time, config.headSize() / 2);
        Tensor sin = operands.uniform(time, config.headSize() / 2);
        Tensor up = operands.uniform(time, config.mlpDim());
        Tensor activated = operands.uniform(time, config.mlpDim());
        return List.of(Operation.of(kernels -> kernels.norm().rmsNorm(out, rstd, x, null, EPS)),
                Operation.of(kernels -> kernels.norm().rmsNormBackward(out, null, x, x, null, rstd)),
                Operation.of(kernels -> {
                    kernels.norm().qkNorm(qkvOut, headRstd, qkv, spec, EPS);
                    kernels.attention().rope(qkvOut, qkvOut, cos, sin, spec, false);
                }),
                Operation.of(kernels -> {
                    kernels.attention().rope(qkvOut, qkvOut, cos, sin, spec, true);
                    kernels.norm().qkNormBackward(qkvOut, qkvOut, qkv, headRstd, spec);
                }),
                Operation.of(kernels -> kernels.activation().activate(activated, up, Activation.GELU_TANH)),
                Operation.of(kernels -> kernels.activation().activateBackward(activated, activated, up, Activation.GELU_TANH)),
                Operation.of(kernels -> kernels.elementwise().add(out, x, out)));
    }

    /** RMSNorm without weights. */
    @Benchmark
    public void rmsNorm(Speed speed) {
        run(0, speed);
    }

    /** Its gradient, added to that of the residual stream. */
    @Benchmark
    public void rmsNormBackward(Speed speed) {
        run(1, speed);
    }

    /** QK-norm, then rotary embedding in place. */
    @Benchmark
    public void qkNormRope(Speed speed) {
        run(2, speed);
    }

    /** The gradients of both, in place. */
    @Benchmark
    public void qkNormRopeBackward(Speed speed) {
        run(3, speed);
    }

    /** GELU. */
    @Benchmark
    public void gelu(Speed speed) {
        run(4, speed);
    }

    /** Its gradient, in place. */
    @Benchmark
    public void geluBackward(Speed speed) {
        run(5, speed);
    }

    /** The residual, added in place. */
    @Benchmark
    public void add(Speed speed) {
        run(6, speed);
    }
}
