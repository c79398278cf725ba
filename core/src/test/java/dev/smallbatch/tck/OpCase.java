package dev.smallbatch.tck;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * One call of one operation: its arguments in order, how to make the call, and the oracle's answer. Every check of the
 * suite is derived from it. Contents come from a seed made of the operation, the label and the argument's name.
 */
final class OpCase {
    /** The call, arguments in the order they were declared; null for absent ones. */
    interface Call {
        void on(Kernels kernels, Tensor[] t);
    }

    /** The oracle: what each output must hold, in the order they were declared. */
    interface Answer {
        List<Expected> of(OpCase c);
    }

    private final String op;
    private final String label;
    private final List<Arg> args;
    private Call call;
    private Answer answer;

    private OpCase(String op, String label, List<Arg> args) {
        this.op = op;
        this.label = label;
        this.args = args;
    }

    /** @param op name of the kernel method */
    static OpCase of(String op, String label) {
        return new OpCase(op, label, new ArrayList<>());
    }

    OpCase written(String name, long... dims) {
        return written(DType.F32, name, dims);
    }

    OpCase written(DType dtype, String name, long... dims) {
        Shape shape = Shape.of(dims);
        int[] bits = new int[Math.toIntExact(shape.numel())];
        java.util.Arrays.fill(bits, Bits.nan(dtype));
        return add(name, Role.WRITTEN, dtype, shape, bits);
    }

    /** Normal numbers to begin with. */
    OpCase accumulated(String name, long... dims) {
        return accumulated(name, Data.normal(seed(name), Shape.of(dims).numel()), dims);
    }

    OpCase accumulated(String name, float[] values, long... dims) {
        return add(name, Role.ACCUMULATED, DType.F32, Shape.of(dims), Bits.ofFloats(values));
    }

    OpCase accumulated(DType dtype, String name, int[] bits, long... dims) {
        return add(name, Role.ACCUMULATED, dtype, Shape.of(dims), bits);
    }

    /** Normal numbers. */
    OpCase read(String name, long... dims) {
        return read(name, Data.normal(seed(name), Shape.of(dims).numel()), dims);
    }

    OpCase read(String name, float[] values, long... dims) {
        return add(name, Role.READ, DType.F32, Shape.of(dims), Bits.ofFloats(values));
    }

    OpCase read(DType dtype, String name, int[] bits, long... dims) {
        return add(name, Role.READ, dtype, Shape.of(dims), bits);
    }

    OpCase ids(String name, int[] values, long... dims) {
        return add(name, Role.READ, DType.I32, Shape.of(dims), values);
    }

    /** An optional argument passed as null. */
    OpCase absent(String name) {
        args.add(new Arg(name, Role.READ, DType.F32, null, null, List.of(), true, false, List.of()));
        return this;
    }

    private OpCase add(String name, Role role, DType dtype, Shape shape, int[] bits) {
        if (bits.length != shape.numel()) {
            throw new IllegalArgumentException(this + ": " + name + " has " + bits.length + " values for " + shape);
        }
        args.add(new Arg(name, role, dtype, shape, bits, List.of(), false, false, List.of()));
        return this;
    }

    /** The last declared argument, an output, may be one of these inputs. */
    OpCase mayBe(String... inputs) {
        Arg a = args.removeLast();
        args.add(new Arg(a.name(), a.role(), a.dtype(), a.shape(), a.bits(), List.of(inputs), a.optional(), a.weight(), a.freeAxes()));
        return this;
    }

    /** The last declared argument may be null. */
    OpCase optional() {
        Arg a = args.removeLast();
        args.add(new Arg(a.name(), a.role(), a.dtype(), a.shape(), a.bits(), a.mayBe(), true, a.weight(), a.freeAxes()));
        return this;
    }

    /** The last declared argument, an F32 one, may be BF16, and here it is of type {@code dtype}: its upper halves. */
    OpCase weight(DType dtype) {
        Arg a = args.removeLast();
        int[] bits = dtype == DType.F32 ? a.bits() : java.util.Arrays.stream(a.bits()).map(b -> b >>> 16).toArray();
        args.add(new Arg(a.name(), a.role(), dtype, a.shape(), bits, a.mayBe(), a.optional(), true, a.freeAxes()));
        return this;
    }

    /** The size of the last declared argument along these axes is determined by nothing else. */
    OpCase freeAxes(Integer... axes) {
        Arg a = args.removeLast();
        args.add(new Arg(a.name(), a.role(), a.dtype(), a.shape(), a.bits(), a.mayBe(), a.optional(), a.weight(), List.of(axes)));
        return this;
    }

    OpCase call(Call call) {
        this.call = call;
        return this;
    }

    OpCase expect(Answer answer) {
        this.answer = answer;
        return this;
    }

    /** The same call with other contents of one argument; the oracle answers for those. */
    OpCase with(String name, int[] bits) {
        List<Arg> changed = new ArrayList<>(args);
        int i = index(name);
        changed.set(i, args.get(i).with(bits));
        return new OpCase(op, label, changed).call(call).expect(answer);
    }

    /** The same call with one argument as F32 numbers; for oracles of what it stands for. */
    OpCase with(String name, float[] values) {
        List<Arg> changed = new ArrayList<>(args);
        Arg a = args.get(index(name));
        changed.set(index(name), new Arg(name, a.role(), DType.F32, a.shape(), Bits.ofFloats(values), a.mayBe(), a.optional(),
                a.weight(), a.freeAxes()));
        return new OpCase(op, label, changed).call(call).expect(answer);
    }

    /** The same call with more said in its label. */
    OpCase titled(String more) {
        return new OpCase(op, label + ", " + more, args).call(call).expect(answer);
    }

    String op() {
        return op;
    }

    List<Arg> args() {
        return args;
    }

    Call call() {
        return call;
    }

    List<Expected> expected() {
        return answer.of(this);
    }

    /** Contents of an argument before the call. */
    double[] get(String name) {
        Arg a = args.get(index(name));
        return a.isAbsent() ? null : Bits.toDoubles(a.dtype(), a.bits());
    }

    /** Raw contents of an argument before the call. */
    int[] bits(String name) {
        return args.get(index(name)).bits();
    }

    int index(String name) {
        for (int i = 0; i < args.size(); i++) {
            if (args.get(i).name().equals(name)) {
                return i;
            }
        }
        throw new IllegalArgumentException(this + " has no argument " + name);
    }

    long seed(String name) {
        return (op + ' ' + label + ' ' + name).hashCode() * 0x9E3779B97F4A7C15L;
    }

    /** Elements of all arguments together. */
    long size() {
        return args.stream().filter(a -> !a.isAbsent()).mapToLong(a -> a.shape().numel()).sum();
    }

    @Override
    public String toString() {
        return op + " [" + label + "] seed " + seed("");
    }
}
