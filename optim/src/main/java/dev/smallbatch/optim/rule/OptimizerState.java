package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * What a rule remembers of one parameter: tensors by name, F32 or codes, owned by the optimizer's region. A checkpoint keeps each
 * under {@code parameter/name}.
 *
 * @param tensors by name, in a fixed order; empty for a rule without memory
 */
public record OptimizerState(SequencedMap<String, Tensor> tensors) {
    public OptimizerState {
        tensors = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(tensors));
    }

    /** No memory. */
    public static OptimizerState none() {
        return new OptimizerState(new LinkedHashMap<>());
    }

    /** One tensor of the parameter's shape for each name, all zeros. */
    public static OptimizerState zeros(Parameter parameter, Region region, String... names) {
        SequencedMap<String, Shape> shapes = new LinkedHashMap<>();
        for (String name : names) {
            shapes.put(name, parameter.value().shape());
        }
        return zeros(region, shapes);
    }

    /** One tensor for each name, all zeros. */
    public static OptimizerState zeros(Region region, SequencedMap<String, Shape> shapes) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        shapes.forEach((name, shape) -> tensors.put(name, zeros(region, DType.F32, shape)));
        return new OptimizerState(tensors);
    }

    /** A tensor of zero bits. */
    static Tensor zeros(Region region, DType dtype, Shape shape) {
        Tensor tensor = region.allocate(dtype, shape);
        if (!tensor.isPlanned()) {
            tensor.segment().fill((byte) 0);
        }
        return tensor;
    }

    /** The tensor of that name, null if the rule keeps none. */
    public Tensor get(String name) {
        return tensors.get(name);
    }
}
