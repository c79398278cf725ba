package dev.smallbatch.optim;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.LossModel;
import java.util.List;

/** One residual block between a table and a head, on 13 tokens: enough to learn which token follows which. */
public final class TinyModel implements LossModel {
    public static final int VOCABULARY = 13;
    private static final int WIDTH = 8;

    private final Parameter table;
    private final Parameter up;
    private final Parameter bias;
    private final Parameter down;
    private final Parameter head;

    public TinyModel(Region region, long seed) {
        this(region, seed, DType.F32);
    }

    /** @param dtype of matrices and tables */
    public TinyModel(Region region, long seed, DType dtype) {
        RandomKey key = RandomKey.of(seed);
        table = parameter(region, dtype, key, "table", Role.EMBEDDING, VOCABULARY, WIDTH);
        up = parameter(region, dtype, key, "up", Role.MATRIX, 2 * WIDTH, WIDTH);
        bias = parameter(region, DType.F32, key, "bias", Role.VECTOR, 2 * WIDTH);
        down = parameter(region, dtype, key, "down", Role.MATRIX, WIDTH, 2 * WIDTH);
        head = parameter(region, dtype, key, "head", Role.HEAD, VOCABULARY, WIDTH);
    }

    private static Parameter parameter(Region region, DType dtype, RandomKey key, String name, Role role, long... dims) {
        Tensor value = region.allocate(dtype, Shape.of(dims));
        new Init.Normal(0.3).fill(value, key.fork(name));
        return new Parameter(name, value, role);
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(table, up, bias, down, head);
    }

    @Override
    public Var loss(Ops ops, Batch batch, float scale) {
        Var x = ops.embed(batch.tokens(), table, null);
        Var hidden = ops.activate(ops.linear(ops.rmsNorm(x, null, 1e-6f), up, bias), Activation.GELU_TANH);
        Var logits = ops.linear(ops.rmsNorm(ops.add(x, ops.linear(hidden, down, null)), null, 1e-6f), head, null);
        return ops.crossEntropy(logits, batch.targets().reshape(Shape.of(batch.tokenCount())), VOCABULARY, scale);
    }
}
