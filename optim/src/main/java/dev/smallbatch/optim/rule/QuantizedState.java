package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.spi.QuantizedUpdateKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.LinkedHashMap;
import java.util.Set;
import java.util.SequencedMap;

/**
 * Another rule with its state in 8 bits: {@link AdamW}, {@link Sgd} or {@link Signum} with momentum, {@link Lion},
 * {@link RmsProp} or {@link AdaGrad}, at their usual rates. The old state is decoded, the rule makes its step from the new state
 * in F32, and that is encoded afterwards, so that a step sees the error of the state before it alone. For each number of state
 * 1 + 4 / block bytes: codes under the rule's name of the state, and beside it, under that name with {@code .scale}, the
 * largest magnitude of each block. Small parameters keep the rule's own state, and so do embeddings: a rare token's square that
 * becomes 0 beside larger ones, while its mean does not, makes a step far too long.
 *
 * @param rule whose state is kept in 8 bits
 * @param how size of blocks, treatment of signs
 * @param smallest elements of the smallest parameter whose state is in 8 bits, usually {@link #SMALLEST}
 * @param embeddings whether that of tables is, too, usually not
 * @see <a href="https://arxiv.org/abs/2110.02861">Dettmers et al. 2021</a>
 */
public record QuantizedState(UpdateRule rule, Quantization how, long smallest, boolean embeddings) implements UpdateRule {
    /** The usual size from which state is in 8 bits. */
    public static final long SMALLEST = 4096;
    private static final String SCALE = ".scale";

    public QuantizedState {
        boolean possible = switch (rule) {
            case Sgd sgd -> sgd.momentum() > 0;
            case Signum signum -> signum.momentum() > 0;
            case AdamW _, Lion _, RmsProp _, AdaGrad _ -> true;
            default -> false;
        };
        if (!possible || smallest < 1) {
            throw new IllegalArgumentException("8-bit state: " + rule + " from " + smallest + " elements; AdamW, SGD or signum"
                    + " with momentum, Lion, RMSProp or AdaGrad, and from at least 1 element");
        }
    }

    /** With the usual exceptions. */
    public QuantizedState(UpdateRule rule) {
        this(rule, new Quantization(), SMALLEST, false);
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        Shape shape = parameter.value().shape();
        boolean table = parameter.role() == Role.EMBEDDING || parameter.role() == Role.TIED;
        if (shape.numel() < smallest || table && !embeddings) {
            return rule.init(parameter, region);
        }
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        for (String name : names(parameter)) {
            tensors.put(name, OptimizerState.zeros(region, DType.U8, shape));
            tensors.put(name + SCALE, OptimizerState.zeros(region, DType.F32, Shape.of(how.blocks(shape.numel()))));
        }
        return new OptimizerState(tensors);
    }

    private Set<String> names(Parameter parameter) {
        try (Region counting = Region.counting("names of state")) {
            return rule.init(parameter, counting).tensors().keySet();
        }
    }

    @Override
    public int scalarCount() {
        return rule.scalarCount();
    }

    @Override
    public float[] scalars(StepContext context) {
        return rule.scalars(context);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        Tensor first = state.tensors().firstEntry().getValue();
        if (first.dtype() != DType.U8) {
            rule.update(parameter, gradient, state, scalars, scratch, rounding, kernels);
            return;
        }
        Tensor p = parameter.value();
        Tensor scale = state.get(state.tensors().firstEntry().getKey() + SCALE);
        QuantizedUpdateKernels quantized = kernels.quantized();
        switch (rule) {
            case Sgd _ -> quantized.quantizedSgdStep(p, first, scale, gradient, scalars, how, rounding.mode(), rounding.key());
            case Signum _, Lion _ ->
                    quantized.quantizedSignStep(p, first, scale, gradient, scalars, how, rounding.mode(), rounding.key());
            case RmsProp _, AdaGrad _ ->
                    quantized.quantizedRootStep(p, first, scale, gradient, scalars, how, rounding.mode(), rounding.key());
            default -> quantized.quantizedAdamWStep(p, first, scale, state.get("v"), state.get("v" + SCALE), gradient, scalars,
                    how, rounding.mode(), rounding.key());
        }
    }

    @Override
    public Schedule lr() {
        return rule.lr();
    }
}
