package dev.smallbatch.optim.curvature;

import dev.smallbatch.core.autograd.GradientSink;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.LossModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Products of a model's Hessian with vectors, by central differences of gradients:
 * {@code H u = (g(w + d u) - g(w - d u)) / (2 d)}, where g is the gradient of the mean loss of a batch and
 * {@code d = 1e-3 |w| / |u|}: every weight moves by about a thousandth of its kind, where the difference in F32 has three to
 * four digits. Two gradients for a product. Afterwards the weights are, bit for bit, what they were.
 *
 * <p>Vectors are flat: every parameter of the model one after the other, without gaps; {@link #part} finds one. Everything
 * native is allocated at the beginning. Used by one thread.
 */
public final class HessianProduct {
    private static final double STEP = 1e-3;

    private final LossModel model;
    private final Kernels kernels;
    private final Tape tape;
    private final int microBatches;
    private final Map<Parameter, Long> offsets = new LinkedHashMap<>();
    private final long size;
    private final Tensor weights;
    private final Tensor squares;

    /**
     * Allocates room for a copy of the weights.
     *
     * @param kernels of an open back end
     * @param step region of activations and gradients; a training step's suits if it has as large micro-batches
     * @param microBatches equal parts of a batch that go through the model one after the other
     * @param memory with room for {@link #bytes}
     * @throws IllegalArgumentException if a parameter is not F32: in BF16 most of a small step is lost in rounding
     */
    public HessianProduct(LossModel model, Kernels kernels, Region step, int microBatches, Region memory) {
        this(model, new Tape(kernels, step, Tape.Mode.RECORD), microBatches, memory);
    }

    /**
     * As the other constructor, on the tape of a training step, which is used between steps.
     *
     * @throws IllegalArgumentException if a parameter is not F32
     */
    public HessianProduct(LossModel model, Tape tape, int microBatches, Region memory) {
        requireF32(model.parameters());
        long next = 0;
        for (Parameter parameter : model.parameters()) {
            offsets.put(parameter, next);
            next += parameter.value().numel();
        }
        this.model = model;
        this.kernels = tape.kernels();
        this.tape = tape;
        this.microBatches = microBatches;
        this.size = next;
        this.weights = memory.allocate(DType.F32, Shape.of(size));
        this.squares = memory.allocate(DType.F32, Shape.of(1));
    }

    private static void requireF32(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            if (parameter.value().dtype() != DType.F32) {
                throw new IllegalArgumentException("hessian product: " + parameter + " is moved by a thousandth of its size,"
                        + " which " + parameter.value().dtype() + " cannot hold; train in F32 where curvature is needed");
            }
        }
    }

    /**
     * Bytes of region that the constructor takes.
     *
     * @throws IllegalArgumentException if a parameter is not F32
     */
    public static long bytes(List<Parameter> parameters) {
        requireF32(parameters);
        long size = parameters.stream().mapToLong(parameter -> parameter.value().numel()).sum();
        return Region.bytesFor(DType.F32, Shape.of(size)) + Region.bytesFor(DType.F32, Shape.of(1));
    }

    /** Elements of a vector: all of the model's weights. */
    public long size() {
        return size;
    }

    /** The elements of a vector that belong to a parameter, in its shape and the same memory. */
    public Tensor part(Tensor vector, Parameter parameter) {
        long from = offsets.get(parameter);
        return vector.rows(from, from + parameter.value().numel()).reshape(parameter.value().shape());
    }

    /** The Hessian on a batch as an operator; of the batch as filled when it is applied. */
    public SymmetricOperator on(Batch batch) {
        return (u, product) -> apply(batch, u, product);
    }

    /**
     * {@code product = H u}. A loss that is not finite shows in the product.
     *
     * <pre>
     * u        (size)  read; finite and not 0
     * product  (size)  written
     * </pre>
     *
     * @param batch filled; its size is a multiple of the number of micro-batches
     */
    public void apply(Batch batch, Tensor u, Tensor product) {
        double length = Math.sqrt(sumOfSquares(u));
        if (!(length > 0) || Double.isInfinite(length)) {
            throw new IllegalArgumentException("hessian product: a vector of length " + length + "; finite and above 0");
        }
        double norm = 0;
        for (Parameter parameter : offsets.keySet()) {
            norm += sumOfSquares(parameter.value());
            copy(part(weights, parameter), parameter.value());
        }
        double step = STEP * (norm > 0 ? Math.sqrt(norm) : 1) / length;
        kernels.elementwise().fill(product, 0);
        try {
            addGradient(batch, u, step, product);
            addGradient(batch, u, -step, product);
        } finally {
            offsets.keySet().forEach(parameter -> copy(parameter.value(), part(weights, parameter)));
        }
    }

    /** {@code product += g(w + step u) / (2 step)}. The loss is scaled, so that gradients come divided already. */
    private void addGradient(Batch batch, Tensor u, double step, Tensor product) {
        for (Parameter parameter : offsets.keySet()) {
            copy(parameter.value(), part(weights, parameter));
            kernels.elementwise().axpy(parameter.value(), (float) step, part(u, parameter));
        }
        GradientSink sink = (parameter, gradient) ->
                kernels.elementwise().axpy(part(product, parameter), (float) Math.signum(step), gradient);
        for (int i = 0; i < microBatches; i++) {
            try {
                Batch part = batch.part(i, microBatches);
                Var loss = model.loss(tape.ops(), part, (float) (0.5 / (Math.abs(step) * part.targetCount())));
                tape.backward(loss, sink);
            } finally {
                tape.reset();
            }
        }
    }

    private void copy(Tensor to, Tensor from) {
        kernels.elementwise().convert(to, from, Rounding.NEAREST_EVEN, 0);
    }

    private double sumOfSquares(Tensor x) {
        kernels.elementwise().sumOfSquares(squares, x);
        return squares.getFlat(0);
    }
}
