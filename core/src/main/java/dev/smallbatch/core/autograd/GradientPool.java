package dev.smallbatch.core.autograd;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Free list of gradient buffers by exact size, filled from the back of the step's region, while activations come and go
 * at its front. All blocks of a model have equal shapes, so after the first block of a backward pass the same few buffers
 * go round.
 */
final class GradientPool {
    private final Region region;
    private final Map<Long, Deque<Tensor>> free = new HashMap<>();

    GradientPool(Region region) {
        this.region = region;
    }

    Tensor take(Shape shape) {
        Deque<Tensor> sameSize = free.get(shape.numel());
        return sameSize == null || sameSize.isEmpty() ? region.allocateAtBack(DType.F32, shape)
                : sameSize.pop().reshape(shape);
    }

    void giveBack(Tensor tensor) {
        free.computeIfAbsent(tensor.numel(), size -> new ArrayDeque<>()).push(tensor);
    }

    /** Forgets every buffer: the region is about to be released. */
    void clear() {
        free.clear();
    }
}
