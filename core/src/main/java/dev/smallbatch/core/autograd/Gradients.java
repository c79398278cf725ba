package dev.smallbatch.core.autograd;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The gradients of one backward pass. The first contribution to a gradient overwrites, later ones add: nothing is
 * filled with zeros but the targets of kernels that only accumulate. A buffer may be shared by two variables (both terms
 * of a sum); it is copied if one of them is added to while the other is still alive. Gradients outlive the activations
 * that backward has passed: their memory comes from the other end of the step's region.
 */
public final class Gradients {
    private final Kernels kernels;
    private final GradientPool pool;
    private final List<Buffer> slots = new ArrayList<>();
    private final Map<Parameter, ParameterGradient> parameters = new LinkedHashMap<>();
    private GradientSink sink;

    Gradients(Kernels kernels, GradientPool pool) {
        this.kernels = kernels;
        this.pool = pool;
    }

    /** Memory of a gradient and how many variables hold it; borrowed if it is that of an activation. */
    private static final class Buffer {
        private final Tensor tensor;
        private final boolean borrowed;
        private int holders = 1;

        Buffer(Tensor tensor, boolean borrowed) {
            this.tensor = tensor;
            this.borrowed = borrowed;
        }

        Buffer(Tensor tensor) {
            this(tensor, false);
        }
    }

    /** The gradient of a parameter that is used {@code uses} times. */
    private static final class ParameterGradient {
        private int uses;
        private int contributions;
        private Tensor tensor;
    }

    /** Writes a product: overwrites its output if beta is 0, adds to it if beta is 1. */
    @FunctionalInterface
    public interface Product {
        void run(Tensor out, float beta);
    }

    int newSlot() {
        slots.add(null);
        return slots.size() - 1;
    }

    void countUse(Parameter parameter) {
        parameters.computeIfAbsent(parameter, p -> new ParameterGradient()).uses++;
    }

    void begin(GradientSink sink) {
        this.sink = sink;
    }

    boolean isPresent(Var var) {
        return slots.get(var.slot()) != null;
    }

    /** The gradient of a node's output, complete when the node's backward runs. */
    public Tensor of(Var var) {
        return slots.get(var.slot()).tensor;
    }

    /** Adds a contribution by a kernel that overwrites its output. */
    public void write(Var var, Consumer<Tensor> kernel) {
        Buffer present = slots.get(var.slot());
        Tensor fresh = pool.take(var.value().shape());
        kernel.accept(fresh);
        if (present == null) {
            slots.set(var.slot(), new Buffer(fresh));
        } else {
            kernels.elementwise().axpy(exclusive(var), 1, fresh);
            pool.giveBack(fresh);
        }
    }

    /** As {@link #write}, by a kernel that may work in place on the gradient of {@code out}, which has the same shape. */
    public void writeInPlace(Var var, Var out, Consumer<Tensor> kernel) {
        Buffer outgoing = slots.get(out.slot());
        if (slots.get(var.slot()) != null || outgoing.holders > 1 || outgoing.borrowed) {
            write(var, kernel);
            return;
        }
        kernel.accept(outgoing.tensor);
        outgoing.holders++;
        slots.set(var.slot(), outgoing);
    }

    /** Adds a contribution by a kernel that accumulates into its output. */
    public void add(Var var, Consumer<Tensor> kernel) {
        if (slots.get(var.slot()) == null) {
            Tensor fresh = pool.take(var.value().shape());
            kernels.elementwise().fill(fresh, 0);
            slots.set(var.slot(), new Buffer(fresh));
        }
        kernel.accept(exclusive(var));
    }

    /** Adds a contribution by a matrix product. */
    public void product(Var var, Product kernel) {
        if (slots.get(var.slot()) == null) {
            Tensor fresh = pool.take(var.value().shape());
            kernel.run(fresh, 0);
            slots.set(var.slot(), new Buffer(fresh));
        } else {
            kernel.run(exclusive(var), 1);
        }
    }

    /** Adds the gradient of {@code out} itself, sharing its memory if it is the first contribution. */
    public void pass(Var var, Var out) {
        Buffer outgoing = slots.get(out.slot());
        if (slots.get(var.slot()) != null) {
            kernels.elementwise().axpy(exclusive(var), 1, outgoing.tensor);
        } else if (outgoing.borrowed) {
            slots.set(var.slot(), new Buffer(copy(outgoing.tensor)));
        } else {
            outgoing.holders++;
            slots.set(var.slot(), outgoing);
        }
    }

    /** Sets the first and only contribution to a variable whose own memory the forward pass has overwritten with it. */
    public void replaced(Var var) {
        setFirst(var, new Buffer(var.value(), true));
    }

    /** Sets the first contribution, computed by the forward pass, and takes its memory, {@link Tape#allocateLasting}. */
    public void take(Var var, Tensor gradient) {
        setFirst(var, new Buffer(gradient));
    }

    private void setFirst(Var var, Buffer buffer) {
        if (slots.get(var.slot()) != null) {
            throw new IllegalStateException("backward: the input of a loss was used by another operation as well");
        }
        slots.set(var.slot(), buffer);
    }

    /** As {@link #take(Var, Tensor)}, for a parameter; its last contribution sends it to the sink. */
    public void take(Parameter parameter, Tensor contribution) {
        ParameterGradient gradient = parameters.get(parameter);
        if (gradient.tensor != null) {
            throw new IllegalStateException("backward: " + parameter.name() + " was used after the loss as well");
        }
        gradient.tensor = contribution;
        contributed(parameter, gradient);
    }

    /** Lends a tensor while {@code use} runs, with undefined contents. */
    public void scratch(Shape shape, Consumer<Tensor> use) {
        Tensor tensor = pool.take(shape);
        use.accept(tensor);
        pool.giveBack(tensor);
    }

    /** Adds a contribution to a parameter by a kernel that accumulates; the last one sends it to the sink. */
    public void add(Parameter parameter, Consumer<Tensor> kernel) {
        product(parameter, (gradient, beta) -> {
            if (beta == 0) {
                kernels.elementwise().fill(gradient, 0);
            }
            kernel.accept(gradient);
        });
    }

    /** Adds a contribution to a parameter by a matrix product; the last one sends it to the sink. */
    public void product(Parameter parameter, Product kernel) {
        ParameterGradient gradient = parameters.get(parameter);
        boolean first = gradient.tensor == null;
        if (first) {
            gradient.tensor = pool.take(parameter.value().shape());
        }
        kernel.run(gradient.tensor, first ? 0 : 1);
        contributed(parameter, gradient);
    }

    private void contributed(Parameter parameter, ParameterGradient gradient) {
        gradient.contributions++;
        if (gradient.contributions == gradient.uses) {
            handOver(parameter, gradient);
        }
    }

    private void handOver(Parameter parameter, ParameterGradient gradient) {
        sink.accept(parameter, gradient.tensor);
        pool.giveBack(gradient.tensor);
        gradient.tensor = null;
    }

    /** Ends the pass: sends what waited for a use that the loss turned out not to depend on. */
    void end() {
        parameters.forEach((parameter, gradient) -> {
            if (gradient.tensor != null) {
                handOver(parameter, gradient);
            }
        });
    }

    private Tensor exclusive(Var var) {
        Buffer buffer = slots.get(var.slot());
        if (buffer.holders > 1) {
            buffer.holders--;
            buffer = new Buffer(copy(buffer.tensor));
            slots.set(var.slot(), buffer);
        }
        return buffer.tensor;
    }

    private Tensor copy(Tensor tensor) {
        Tensor copy = pool.take(tensor.shape());
        kernels.elementwise().convert(copy, tensor, Rounding.NEAREST_EVEN, 0);
        return copy;
    }

    /** Hands the gradient of one variable on to another that has the same value. */
    void move(Var from, Var to) {
        pass(to, from);
        release(from);
    }

    void release(Var var) {
        Buffer buffer = slots.get(var.slot());
        if (buffer != null && --buffer.holders == 0 && !buffer.borrowed) {
            pool.giveBack(buffer.tensor);
        }
        slots.set(var.slot(), null);
    }

    void clear() {
        slots.clear();
        parameters.clear();
        pool.clear();
    }
}
