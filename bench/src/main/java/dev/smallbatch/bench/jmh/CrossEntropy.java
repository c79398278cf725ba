package dev.smallbatch.bench.jmh;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Operation;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** The loss of a training step at batch size 1: the cross entropy by itself, and fused with the head's three products. */
public class CrossEntropy extends KernelBenchmark {
    /** Rows whose logits are there at once. */
    private static final int ROWS = 128;

    /** A preset of {@link GptConfig}, which gives D, T and V. */
    @Param({"tiny", "lm11m", "gpt2s"})
    public String model;

    @Override
    protected List<Operation> prepare(Operands operands) {
        GptConfig config = GptConfig.preset(model);
        int vocabulary = config.vocabularySize();
        float scale = 1f / config.seqLen();
        Tensor logits = operands.uniform(ROWS, vocabulary);
        Tensor losses = operands.uniform(ROWS);
        Tensor targets = operands.integers(vocabulary, config.seqLen());
        Tensor x = operands.uniform(config.seqLen(), config.dim());
        Parameter head = new Parameter("head", operands.uniform(vocabulary, config.dim()), Role.HEAD);
        return List.of(
                Operation.of(kernels -> kernels.loss()
                        .crossEntropy(losses, logits, logits, targets.rows(0, ROWS), vocabulary, scale)),
                Operation.of(kernels -> {
                    Tape tape = new Tape(kernels, operands.region(), Tape.Mode.RECORD);
                    tape.ops().linearCrossEntropy(new Var(x, -1), head, targets, vocabulary, scale);
                    tape.reset();
                }));
    }

    /** Losses and their gradient in place, of {@value #ROWS} rows. */
    @Benchmark
    public void crossEntropy(Speed speed) {
        run(0, speed);
    }

    /** {@link dev.smallbatch.core.autograd.Ops#linearCrossEntropy}: losses and the gradients of its input and of the head. */
    @Benchmark
    public void linearCrossEntropy(Speed speed) {
        run(1, speed);
    }
}
