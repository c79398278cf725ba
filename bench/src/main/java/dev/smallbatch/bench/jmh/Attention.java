package dev.smallbatch.bench.jmh;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Operation;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Causal attention of one layer at batch size 1: two products of half a (T, T) matrix forward, five backward. */
public class Attention extends KernelBenchmark {
    /** A preset of {@link GptConfig}, which gives heads, D and T. */
    @Param({"tiny", "lm11m", "gpt2s"})
    public String model;

    @Override
    protected List<Operation> prepare(Operands operands) {
        GptConfig config = GptConfig.preset(model);
        AttentionSpec spec = new AttentionSpec(1, config.seqLen(), config.heads(), config.heads(), config.headSize());
        Tensor qkv = operands.uniform(spec.qkvShape().dims());
        Tensor dqkv = operands.uniform(spec.qkvShape().dims());
        Tensor out = operands.uniform(spec.outShape().dims());
        Tensor dout = operands.uniform(spec.outShape().dims());
        Tensor lse = operands.uniform(spec.lseShape().dims());
        Tensor key = operands.uniform(1, config.seqLen(), config.dim());
        Tensor value = operands.uniform(1, config.seqLen(), config.dim());
        AttentionSpec one = new AttentionSpec(1, 1, config.heads(), config.heads(), config.headSize());
        Tensor newest = operands.uniform(1, one.qkvCols());
        Tensor decoded = operands.uniform(1, one.outCols());
        return List.of(Operation.of(kernels -> kernels.attention().attention(out, lse, qkv, spec)),
                Operation.of(kernels -> kernels.attention().attentionBackward(dqkv, dout, out, lse, qkv, spec)),
                Operation.of(kernels -> kernels.attention().attentionDecode(decoded, newest, key, value, config.seqLen(), one)));
    }

    /** Forward, with the log-sum-exp that backward needs. */
    @Benchmark
    public void forward(Speed speed) {
        run(0, speed);
    }

    /** The gradient of queries, keys and values; {@code lse} is random rather than that of the forward pass. */
    @Benchmark
    public void backward(Speed speed) {
        run(1, speed);
    }

    /** One more token against a full cache, as in generation. */
    @Benchmark
    public void decode(Speed speed) {
        run(2, speed);
    }
}
