package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleBinaryOperator;
import org.junit.jupiter.api.Test;

/** Checks of {@link ElementwiseKernels}. */
public abstract class ElementwiseCases extends FamilyCases {
    private static final long KEY = 0x0123456789ABCDEFL;
    private static final List<DType[]> PAIRS = List.of(new DType[] {DType.F32, DType.BF16}, new DType[] {DType.F32, DType.F32},
            new DType[] {DType.BF16, DType.F32}, new DType[] {DType.F16, DType.F32});

    ElementwiseCases(BackendConformance suite) {
        super(suite);
    }

    @Override
    final Class<?> family() {
        return ElementwiseKernels.class;
    }

    @Override
    final List<OpCase> cases() {
        List<OpCase> cases = new ArrayList<>();
        everyOperation(cases, 5, 6);
        for (int size : Shapes.SIZES) {
            everyOperation(cases, size);
        }
        everyOperation(cases, 3, 5, 7, 11);
        everyOperation(cases, Shapes.LARGE);
        cases.add(convert("every BF16", DType.BF16, DType.F32, everyHalfWord(), Rounding.NEAREST_EVEN, 65536));
        cases.add(convert("every F16", DType.F16, DType.F32, everyHalfWord(), Rounding.NEAREST_EVEN, 65536));
        for (Rounding rounding : Rounding.values()) {
            cases.add(convert("edges", DType.F32, DType.BF16, edges(), rounding, edges().length));
            cases.add(convert("edges", DType.F32, DType.F32, edges(), rounding, edges().length));
        }
        cases.add(sumOfSquares("equal", DType.F32, Data.constant(1.0000001f, 100_000), 100_000));
        cases.add(sumOfSquares("from tiny to large", DType.F32, new float[] {1e-15f, 1e15f, 1, 3e-20f, 2, 5}, 6));
        for (float length : new float[] {0, 1e-30f, 2, 1e30f}) {
            cases.add(limitGrowth("after " + length, Data.normal(7, 100), length, 100));
            cases.add(limitGrowth("zeros after " + length, new float[100], length, 100));
        }
        return cases;
    }

    private static void everyOperation(List<OpCase> cases, long... dims) {
        String label = Shape.of(dims).toString();
        int n = Math.toIntExact(Shape.of(dims).numel());
        cases.add(fill(label, dims));
        for (DType[] pair : PAIRS) {
            cases.add(convert(label, pair[0], pair[1], randomBits(pair[0], n), Rounding.NEAREST_EVEN, dims));
        }
        cases.add(convert(label, DType.F32, DType.BF16, randomBits(DType.F32, n), Rounding.STOCHASTIC, dims));
        cases.add(axpy(label, DType.F32, dims));
        cases.add(axpy(label + " BF16", DType.BF16, dims));
        cases.add(lerp(label, DType.F32, dims));
        cases.add(lerp(label + " BF16", DType.BF16, dims));
        cases.add(exchange(label, DType.F32, dims));
        cases.add(exchange(label + " BF16", DType.BF16, dims));
        cases.add(addProduct(label, dims));
        cases.add(add(label, dims));
        cases.add(sumOfSquares(label, DType.F32, Data.normal(n, n), dims));
        cases.add(sumOfSquares(label + " BF16", DType.BF16, Data.normal(n, n), dims));
        cases.add(limitGrowth(label, Data.normal(n, n), 0.5f, dims));
    }

    private static OpCase fill(String label, long... dims) {
        Integer[] axes = {0, 1, 2, 3};
        return OpCase.of("fill", label).written("out", dims).freeAxes(axes)
                .call((k, t) -> k.elementwise().fill(t[0], -2.5f))
                .expect(o -> {
                    double[] value = new double[o.bits("out").length];
                    Arrays.fill(value, -2.5);
                    return List.of(Expected.exact(value));
                });
    }

    private static OpCase axpy(String label, DType dtype, long... dims) {
        return OpCase.of("axpy", label).accumulated("y", dims).weight(dtype).read("x", dims)
                .call((k, t) -> k.elementwise().axpy(t[0], -0.3f, t[1]))
                .expect(o -> {
                    Expected sum = Expected.within(1, 1, map(o.get("y"), o.get("x"), (y, x) -> y + -0.3f * x),
                            map(o.get("y"), o.get("x"), (y, x) -> Math.abs(y + -0.3f * x) + Math.abs(0.3f * x)));
                    return List.of(dtype == DType.F32 ? sum : ElementwiseOracle.rounded(sum, Rounding.NEAREST_EVEN, 0));
                });
    }

    private static OpCase lerp(String label, DType dtype, long... dims) {
        return OpCase.of("lerp", label).accumulated("y", dims).read("x", dims).weight(dtype)
                .call((k, t) -> k.elementwise().lerp(t[0], 0.3f, t[1]))
                .expect(o -> List.of(Expected.within(1, 3, map(o.get("y"), o.get("x"), (y, x) -> y + 0.3f * (x - y)),
                        map(o.get("y"), o.get("x"), (y, x) -> Math.abs(y) + Math.abs(x)))));
    }

    private static OpCase exchange(String label, DType dtype, long... dims) {
        return OpCase.of("exchange", label).accumulated("a", dims).weight(dtype).accumulated("b", dims)
                .call((k, t) -> k.elementwise().exchange(t[0], t[1]))
                .expect(o -> dtype == DType.F32 ? List.of(Expected.exact(o.get("b")), Expected.exact(o.get("a")))
                        : ElementwiseOracle.exchanged(o.bits("a"), o.bits("b")));
    }

    private static OpCase addProduct(String label, long... dims) {
        return OpCase.of("addProduct", label).accumulated("y", dims).read("a", dims).read("b", dims)
                .call((k, t) -> k.elementwise().addProduct(t[0], 0.9f, -0.3f, t[1], t[2]))
                .expect(o -> {
                    double[] product = map(o.get("a"), o.get("b"), (a, b) -> -0.3f * a * b);
                    return List.of(Expected.within(3, 1, map(o.get("y"), product, (y, x) -> 0.9f * y + x),
                            map(o.get("y"), product, (y, x) -> Math.abs(0.9f * y) + Math.abs(x))));
                });
    }

    private static OpCase add(String label, long... dims) {
        return OpCase.of("add", label).written("out", dims).mayBe("a", "b").read("a", dims).read("b", dims)
                .call((k, t) -> k.elementwise().add(t[0], t[1], t[2]))
                .expect(o -> List.of(Expected.exact(map(o.get("a"), o.get("b"), (a, b) -> (float) a + (float) b))));
    }

    private static OpCase sumOfSquares(String label, DType dtype, float[] x, long... dims) {
        Integer[] axes = {0, 1, 2, 3};
        return OpCase.of("sumOfSquares", label).written("result", 1).read("x", x, dims).weight(dtype).freeAxes(axes)
                .call((k, t) -> k.elementwise().sumOfSquares(t[0], t[1]))
                .expect(o -> {
                    double sum = 0;
                    for (double v : o.get("x")) {
                        sum += v * v;
                    }
                    return List.of(Expected.within(1, 1, new double[] {sum}, new double[] {sum * (1 + 1e-6)}));
                });
    }

    private static OpCase limitGrowth(String label, float[] x, float length, long... dims) {
        Integer[] axes = {0, 1, 2, 3};
        return OpCase.of("limitGrowth", label).accumulated("x", x, dims).freeAxes(axes)
                .accumulated("length", new float[] {length}, 1)
                .call((k, t) -> k.elementwise().limitGrowth(t[0], t[1], 1.01f))
                .expect(o -> {
                    double now = Math.sqrt(Arrays.stream(o.get("x")).map(v -> v * v).sum());
                    double before = o.get("length")[0];
                    double factor = before == 0 || now == 0 ? 1 : Math.min(1, 1.01f * before / now);
                    double[] limited = Arrays.stream(o.get("x")).map(v -> factor * v).toArray();
                    return List.of(Expected.within(2, 2, limited, Arrays.stream(limited).map(Math::abs).toArray()),
                            Expected.within(1, 1, new double[] {factor * now}, new double[] {factor * now * (1 + 1e-6)}));
                });
    }

    private static OpCase convert(String label, DType from, DType to, int[] bits, Rounding rounding, long... dims) {
        return OpCase.of("convert", "%s to %s %s %s".formatted(from, to, rounding, label)).written(to, "out", dims)
                .read(from, "in", bits, dims)
                .call((k, t) -> k.elementwise().convert(t[0], t[1], rounding, KEY))
                .expect(o -> List.of(Expected.exact(to == DType.F32 ? Bits.toDoubles(from, o.bits("in"))
                        : Bits.toDoubles(to, ElementwiseOracle.rounded(o.bits("in"), rounding, KEY)))));
    }

    /** Finite values of any sign, exponent and fraction. */
    private static int[] randomBits(DType dtype, int count) {
        SplittableRandom random = new SplittableRandom(count);
        int[] bits = new int[count];
        for (int i = 0; i < count; i++) {
            do {
                bits[i] = dtype.bytes() == 4 ? random.nextInt() : random.nextInt(0x10000);
            } while (!Double.isFinite(Bits.toDouble(dtype, bits[i])));
        }
        return bits;
    }

    private static int[] everyHalfWord() {
        int[] bits = new int[65536];
        Arrays.setAll(bits, i -> i);
        return bits;
    }

    /**
     * Ties to even, just off ties, largest, subnormal, zeros, infinities and NaN with a payload in the lower half alone; three
     * times, so that each falls into a vector of any width and not behind the last.
     */
    private static int[] edges() {
        int[] once = {0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0x3F817FFF, 0xBF808000, 0xBF818000, 0x7F7FFFFF,
            0xFF7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x00000001, 0x00008000, 0x00018000, 0x007FFFFF, 0x80000001, 0, 0x80000000,
            0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF};
        int[] edges = new int[3 * once.length];
        Arrays.setAll(edges, i -> once[i % once.length]);
        return edges;
    }

    private static double[] map(double[] a, double[] b, DoubleBinaryOperator f) {
        double[] result = new double[a.length];
        Arrays.setAll(result, i -> f.applyAsDouble(a[i], b[i]));
        return result;
    }

    @Override
    final List<GradientCheck> gradients() {
        return List.of();
    }

    @Test
    void zeroKeepsItsSignWhenConverted() {
        Tensor in = region().allocate(DType.F32, Shape.of(2));
        Tensor out = region().allocate(DType.BF16, Shape.of(2));
        in.copyFrom(new float[] {0, -0.0f});
        kernels().elementwise().convert(out, in, Rounding.NEAREST_EVEN, 0);
        assertEquals(0x0000, Bits.read(out)[0]);
        assertEquals(0x8000, Bits.read(out)[1]);
    }

    @Test
    void theKeyChangesTheRoundingAndNothingElseDoes() {
        Tensor in = region().allocate(DType.F32, Shape.of(1000));
        Tensor first = region().allocate(DType.BF16, Shape.of(1000));
        Tensor second = region().allocate(DType.BF16, Shape.of(1000));
        in.copyFrom(Data.normal(1, 1000));
        kernels().elementwise().convert(first, in, Rounding.STOCHASTIC, 1);
        kernels().elementwise().convert(second, in, Rounding.STOCHASTIC, 2);
        assertFalse(Arrays.equals(Bits.read(first), Bits.read(second)), "keys 1 and 2 gave the same 1000 roundings");
        kernels().elementwise().convert(first, in, Rounding.NEAREST_EVEN, 1);
        kernels().elementwise().convert(second, in, Rounding.NEAREST_EVEN, 2);
        assertEquals(-1, Arrays.mismatch(Bits.read(first), Bits.read(second)));
    }

    @Test
    void refusesConversionsThatDoNotExist() {
        for (DType from : DType.values()) {
            for (DType to : DType.values()) {
                if (PAIRS.stream().noneMatch(pair -> pair[0] == from && pair[1] == to)) {
                    Tensor in = region().allocate(from, Shape.of(3));
                    Tensor out = region().allocate(to, Shape.of(3));
                    assertThrows(ShapeException.class, () -> kernels().elementwise().convert(out, in, Rounding.NEAREST_EVEN, 0),
                            () -> from + " to " + to);
                }
            }
        }
    }

    /** Every half against floats of every kind, NaN and infinity among them. */
    @Test
    void exchangingTwiceRestoresEveryBit() {
        for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
            Tensor a = region().allocate(dtype, Shape.of(65536));
            Tensor b = region().allocate(DType.F32, Shape.of(65536));
            SplittableRandom random = new SplittableRandom(4);
            int[] weights = dtype == DType.BF16 ? everyHalfWord() : randomWords(random);
            int[] floats = randomWords(random);
            Bits.write(a, weights);
            Bits.write(b, floats);
            kernels().elementwise().exchange(a, b);
            assertFalse(Arrays.equals(weights, Bits.read(a)), dtype + " did not change");
            kernels().elementwise().exchange(a, b);
            assertEquals(-1, Arrays.mismatch(weights, Bits.read(a)), dtype + " seed 4");
            assertEquals(-1, Arrays.mismatch(floats, Bits.read(b)), dtype + " seed 4");
        }
    }

    private static int[] randomWords(SplittableRandom random) {
        return random.ints(65536).toArray();
    }

    @Test
    void addsATensorToItselfInPlace() {
        OpCase c = OpCase.of("add", "all the same").accumulated("x", 35).call((k, t) -> k.elementwise().add(t[0], t[0], t[0]))
                .expect(o -> List.of(Expected.exact(map(o.get("x"), o.get("x"), Double::sum))));
        assertNull(compare(c, runner().run(kernels(), c)));
    }

    @Test
    void fillsWithAnyFloat() {
        for (float value : new float[] {0, -0.0f, 1e-45f, Float.MAX_VALUE, Float.POSITIVE_INFINITY, Float.NaN}) {
            Tensor out = region().allocate(DType.F32, Shape.of(35));
            kernels().elementwise().fill(out, value);
            for (int bits : Bits.read(out)) {
                assertEquals(Float.floatToIntBits(value), Float.floatToIntBits(Float.intBitsToFloat(bits)));
            }
        }
    }
}
