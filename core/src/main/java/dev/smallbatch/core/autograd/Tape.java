package dev.smallbatch.core.autograd;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Records the operations of one forward pass and walks them backward. All activations and gradients live in the step's
 * region and are released by {@link #reset}; a step makes the same allocations in the same order each time, so addresses
 * repeat. Used by one thread; owns neither kernels nor region.
 *
 * <p>Activations are stacked at the region's front. An operation's memory is read by later operations and by its own
 * backward, but by no earlier one's: so backward, which goes from last to first, takes the stack down behind it, and
 * gradients, which come from the region's back, get the room.
 */
public final class Tape {
    /** What a tape keeps for going backward. */
    public enum Mode {
        /** Everything that backward needs. */
        RECORD,
        /** As RECORD, but of each {@link Ops#checkpoint} its input alone. */
        RECOMPUTE,
        /** Nothing: computes values alone. */
        FORWARD_ONLY
    }

    /** A node and the fill level of the region before its forward call. */
    private record Recorded(Node node, Region.Mark before) {}

    private final Kernels kernels;
    private final Region region;
    private final Mode mode;
    private final Ops ops = new Ops(this);
    private final List<Recorded> nodes = new ArrayList<>();
    private final GradientPool pool;
    private final Gradients gradients;
    private final Region.Mark start;
    /** The fill level before the first allocation since the last record; null if there was none. */
    private Region.Mark before;
    private boolean recording;
    private boolean rerunning;
    private boolean drawing;
    private long drawKey;
    private long drawFirst;

    /**
     * @param kernels of an open back end
     * @param step where activations and gradients live; everything allocated in it from now on belongs to the tape
     * @param mode whether {@link #backward} will be called
     */
    public Tape(Kernels kernels, Region step, Mode mode) {
        this.kernels = kernels;
        this.region = step;
        this.mode = mode;
        this.pool = new GradientPool(step);
        this.gradients = new Gradients(kernels, pool);
        this.start = step.mark();
        this.recording = mode != Mode.FORWARD_ONLY;
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
        return recording;
    }

    /** For nodes: an F32 tensor that lives until backward has passed the node, with undefined contents. */
    public Tensor allocate(Shape shape) {
        if (before == null) {
            before = region.mark();
        }
        return region.allocate(DType.F32, shape);
    }

    /** For nodes: an F32 tensor that lives until {@link #reset} or until it is given to {@link Gradients#take}. */
    public Tensor allocateLasting(Shape shape) {
        return pool.take(shape);
    }

    /**
     * Until {@link #reset}, the gradient of {@link Ops#crossEntropy} is that of the cross entropy to labels which the model draws
     * itself, one for each row that has a target; losses are still those of the targets. One backward pass then gives a gradient
     * whose square, times the number of targets, is on average the diagonal of the Gauss-Newton matrix.
     *
     * @param key of the random numbers, see {@link dev.smallbatch.core.spi.LossKernels#drawTargets}
     * @param first number of the first row among those that share the key
     */
    public void drawTargets(long key, long first) {
        drawing = true;
        drawKey = key;
        drawFirst = first;
    }

    /**
     * For nodes: {@link Ops#crossEntropy} of rows from number {@code row}, while recording with their gradient in the logits'
     * place.
     */
    public void crossEntropy(Tensor losses, Tensor logits, Tensor targets, int vocabulary, float scale, long row) {
        kernels.loss().crossEntropy(losses, recording ? logits : null, logits, targets, vocabulary, scale);
        if (recording && drawing) {
            kernels.loss().drawTargets(logits, targets, vocabulary, scale, drawKey, drawFirst + row);
        }
    }

    /** For nodes: lends an F32 tensor while {@code use} runs, with undefined contents. */
    public void scratch(Shape shape, Consumer<Tensor> use) {
        Region.Mark mark = region.mark();
        use.accept(region.allocate(DType.F32, shape));
        region.releaseFront(mark);
    }

    /** For nodes: puts a result on the tape. */
    public Var result(Tensor value) {
        return new Var(value, recording ? gradients.newSlot() : -1);
    }

    /** For nodes: the value of a parameter, counting the use; null for null. */
    public Tensor use(Parameter parameter) {
        if (parameter == null) {
            return null;
        }
        if (mode != Mode.FORWARD_ONLY && !rerunning) {
            gradients.countUse(parameter);
        }
        return parameter.value();
    }

    /** For nodes: keeps the record of a forward call and returns its result. */
    public Var record(Node node) {
        if (recording) {
            nodes.add(new Recorded(node, before == null ? region.mark() : before));
            before = null;
        }
        return node.out();
    }

    Var checkpoint(Var x, UnaryOperator<Var> part) {
        if (mode == Mode.RECORD) {
            return part.apply(x);
        }
        Tensor out = allocate(x.value().shape());
        Region.Mark inside = region.mark();
        boolean outside = recording;
        recording = false;
        try {
            Tensor result = part.apply(x).value();
            if (!result.shape().equals(out.shape())) {
                throw new ShapeException("checkpoint: the input is " + x.value() + ", the result " + result
                        + "; they must have the same shape");
            }
            kernels.elementwise().convert(out, result, Rounding.NEAREST_EVEN, 0);
        } finally {
            recording = outside;
        }
        region.releaseFront(inside);
        return record(new CheckpointNode(result(out), x, part, this));
    }

    /** Runs a checkpointed part again, this time recording it, and goes back through it. */
    void rerun(CheckpointNode node) {
        int below = nodes.size();
        boolean outside = rerunning;
        rerunning = true;
        try {
            gradients.move(node.out(), node.part().apply(node.x()));
            unwind(below, null);
        } finally {
            rerunning = outside;
        }
    }

    /**
     * Computes the gradient of {@code loss} with respect to every parameter used since the last reset. Activations are gone
     * afterwards.
     *
     * @param loss the result of {@link Ops#crossEntropy}, whose scale makes it the mean
     * @param sink receives each parameter's gradient
     * @throws IllegalStateException if the tape does not record
     */
    public void backward(Var loss, GradientSink sink) {
        if (mode == Mode.FORWARD_ONLY) {
            throw new IllegalStateException("backward on a tape in mode FORWARD_ONLY; create it with Mode.RECORD");
        }
        gradients.begin(sink);
        unwind(0, loss);
        gradients.end();
    }

    /**
     * Takes the nodes from the last down to number {@code to} off the tape, and goes back through those that {@code loss}
     * needs.
     */
    private void unwind(int to, Var loss) {
        while (nodes.size() > to) {
            Recorded last = nodes.removeLast();
            Var out = last.node.out();
            if (out.equals(loss) || gradients.isPresent(out)) {
                last.node.backward(gradients, kernels);
                gradients.release(out);
            }
            region.releaseFront(last.before);
            before = null;
        }
    }

    /** Forgets the step and gives its memory back to the region. */
    public void reset() {
        nodes.clear();
        gradients.clear();
        region.release(start);
        before = null;
        drawing = false;
    }
}
