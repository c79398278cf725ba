package dev.smallbatch.core.autograd;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Records the operations of one forward pass and walks them backward. All activations and gradients live in the step's
 * region and are released by {@link #reset}; a step makes the same allocations in the same order each time, so addresses
 * repeat. Used by one thread; owns neither kernels nor region.
 */
public final class Tape {
    /** Whether a tape can go backward. */
    public enum Mode {
        /** Keeps what backward needs. */
        RECORD,
        /** Computes values alone. */
        FORWARD_ONLY
    }

    private final Kernels kernels;
    private final Region region;
    private final Mode mode;
    private final Ops ops = new Ops(this);
    private final List<Node> nodes = new ArrayList<>();
    private final Gradients gradients;
    private final Region.Mark start;

    /**
     * @param kernels of an open back end
     * @param step where activations and gradients live; everything allocated in it from now on belongs to the tape
     * @param mode whether {@link #backward} will be called
     */
    public Tape(Kernels kernels, Region step, Mode mode) {
        this.kernels = kernels;
        this.region = step;
        this.mode = mode;
        this.gradients = new Gradients(kernels, new GradientPool(step));
        this.start = step.mark();
    }

    /** The operations models are written with. */
    public Ops ops() {
        return ops;
    }

    /** For nodes: the kernels to compute with. */
    public Kernels kernels() {
        return kernels;
    }

    /** For nodes: true if backward needs what forward saw. */
    public boolean isRecording() {
        return mode == Mode.RECORD;
    }

    /** For nodes: an F32 tensor that lives until {@link #reset}, with undefined contents. */
    public Tensor allocate(Shape shape) {
        return region.allocate(DType.F32, shape);
    }

    /** For nodes: puts a result on the tape. */
    public Var result(Tensor value) {
        return new Var(value, isRecording() ? gradients.newSlot() : -1);
    }

    /** For nodes: the value of a parameter, counting the use; null for null. */
    public Tensor use(Parameter parameter) {
        if (parameter == null) {
            return null;
        }
        if (isRecording()) {
            gradients.countUse(parameter);
        }
        return parameter.value();
    }

    /** For nodes: keeps the record of a forward call and returns its result. */
    public Var record(Node node) {
        if (isRecording()) {
            nodes.add(node);
        }
        return node.out();
    }

    /**
     * Computes the gradient of {@code loss} with respect to every parameter used since the last reset.
     *
     * @param loss the result of {@link Ops#crossEntropy}, whose scale makes it the mean
     * @param sink receives each parameter's gradient
     * @throws IllegalStateException if the tape does not record
     */
    public void backward(Var loss, GradientSink sink) {
        if (!isRecording()) {
            throw new IllegalStateException("backward on a tape in mode FORWARD_ONLY; create it with Mode.RECORD");
        }
        gradients.begin(sink);
        for (int i = nodes.size() - 1; i >= 0; i--) {
            Node node = nodes.get(i);
            if (node.out().equals(loss) || gradients.isPresent(node.out())) {
                node.backward(gradients, kernels);
                gradients.release(node.out());
            }
        }
        gradients.end();
    }

    /** Forgets the step and gives its memory back to the region. */
    public void reset() {
        nodes.clear();
        gradients.clear();
        region.release(start);
    }
}
