package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;

/**
 * Every way one call can be wrong: an argument of another shape or type, without memory of its own, of a closed region,
 * or missing. The message starts with the operation and names the argument
 * or its type, and nothing has been written.
 */
final class Refusals {
    private final Region region;
    private final CaseRunner runner;
    private final Kernels kernels;
    private final OpCase c;

    /** @param c a call that is right, with at least three elements along every axis that is not free */
    Refusals(Region region, CaseRunner runner, Kernels kernels, OpCase c) {
        this.region = region;
        this.runner = runner;
        this.kernels = kernels;
        this.c = c;
    }

    Stream<DynamicTest> tests() {
        return Stream.of(dynamicTest(c.op() + " refuses wrong shapes", this::wrongShapes),
                dynamicTest(c.op() + " refuses wrong element types", this::wrongTypes),
                dynamicTest(c.op() + " refuses outputs without memory of their own", this::overlaps),
                dynamicTest(c.op() + " refuses tensors of closed regions", this::closedRegions),
                dynamicTest(c.op() + " refuses missing arguments", this::missing));
    }

    private void wrongShapes() {
        for (int i = 0; i < c.args().size(); i++) {
            Arg arg = c.args().get(i);
            for (int axis = 0; !arg.isAbsent() && axis < arg.shape().rank(); axis++) {
                for (int change = -1; change <= 1 && !arg.freeAxes().contains(axis); change += 2) {
                    long[] dims = arg.shape().dims();
                    dims[axis] += change;
                    refusesShape(i, Shape.of(dims));
                }
            }
        }
    }

    private void refusesShape(int i, Shape shape) {
        Arg arg = c.args().get(i);
        refuses(ShapeException.class, List.of(arg.name(), shape.toString()),
                tensors -> tensors[i] = region.allocate(arg.dtype(), shape));
    }

    private void wrongTypes() {
        for (int i = 0; i < c.args().size(); i++) {
            Arg arg = c.args().get(i);
            if (!arg.isAbsent()) {
                int index = i;
                DType other = arg.dtype() == DType.I32 ? DType.F32 : DType.I32;
                refuses(ShapeException.class, List.of(other.name()),
                        tensors -> tensors[index] = region.allocate(other, arg.shape()));
                if (arg.dtype() == DType.F32 && !arg.weight()) {
                    refuses(ShapeException.class, List.of(DType.BF16.name()),
                            tensors -> tensors[index] = region.allocate(DType.BF16, arg.shape()));
                }
            }
        }
    }

    private void overlaps() {
        for (int output = 0; output < c.args().size(); output++) {
            for (int other = 0; other < c.args().size(); other++) {
                Arg out = c.args().get(output);
                Arg in = c.args().get(other);
                if (output != other && out.isOutput() && !in.isAbsent() && out.dtype() == in.dtype()) {
                    overlap(output, other);
                }
            }
        }
    }

    private void overlap(int output, int other) {
        Arg out = c.args().get(output);
        Arg in = c.args().get(other);
        long shared = out.shape().numel() - 1;
        refuses(ShapeException.class, List.of(out.name(), in.name()), tensors -> {
            Tensor both = region.allocate(out.dtype(), Shape.of(shared + in.shape().numel()));
            tensors[output] = both.rows(0, shared + 1).reshape(out.shape());
            tensors[other] = both.rows(shared, shared + in.shape().numel()).reshape(in.shape());
        });
        if (out.shape().equals(in.shape()) && !out.mayBe().contains(in.name()) && !in.mayBe().contains(out.name())) {
            refuses(ShapeException.class, List.of(out.name(), in.name()), tensors -> tensors[output] = tensors[other]);
        }
    }

    private void closedRegions() {
        Region closed = Region.create("closed", c.args().stream().filter(a -> !a.isAbsent())
                .mapToLong(a -> Region.bytesFor(a.dtype(), a.shape())).sum());
        Tensor[] dead = new Tensor[c.args().size()];
        for (int i = 0; i < dead.length; i++) {
            Arg arg = c.args().get(i);
            dead[i] = arg.isAbsent() ? null : closed.allocate(arg.dtype(), arg.shape());
        }
        closed.close();
        for (int i = 0; i < dead.length; i++) {
            if (dead[i] != null) {
                int index = i;
                refuses(IllegalStateException.class, List.of(c.args().get(i).name(), "closed"),
                        tensors -> tensors[index] = dead[index]);
            }
        }
    }

    private void missing() {
        for (int i = 0; i < c.args().size(); i++) {
            if (!c.args().get(i).optional()) {
                int index = i;
                refuses(IllegalArgumentException.class, List.of(c.args().get(i).name(), "null"),
                        tensors -> tensors[index] = null);
            }
        }
    }

    private interface Mistake {
        void makeIn(Tensor[] tensors);
    }

    private void refuses(Class<? extends RuntimeException> type, List<String> said, Mistake mistake) {
        Region.Mark mark = region.mark();
        try {
            Canary[] canaries = runner.place(c, false);
            Tensor[] tensors = CaseRunner.tensors(canaries);
            mistake.makeIn(tensors);
            RuntimeException refusal = assertThrows(type, () -> c.call().on(kernels, tensors), () -> c + " with wrong " + said);
            String message = String.valueOf(refusal.getMessage());
            assertTrue(message.startsWith(c.op() + ": "), () -> "message does not start with the operation: " + message);
            said.forEach(word -> assertTrue(message.contains(word) || message.contains(word.toLowerCase(Locale.ROOT)),
                    () -> "message does not say " + word + ": " + message));
            for (int i = 0; i < canaries.length; i++) {
                if (canaries[i] != null) {
                    String name = c.args().get(i).name();
                    assertArrayEquals(c.args().get(i).bits(), Bits.read(canaries[i].tensor()),
                            () -> name + " changed although: " + message);
                }
            }
        } finally {
            region.release(mark);
        }
    }
}
