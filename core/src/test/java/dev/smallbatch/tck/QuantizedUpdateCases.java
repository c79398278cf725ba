package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.DynamicMap;
import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.spi.QuantizedUpdateKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Checks of {@link QuantizedUpdateKernels}. */
public abstract class QuantizedUpdateCases extends FamilyCases {
    private static final Quantization SMALL = new Quantization(64, false);
    private static final Quantization USUAL = new Quantization();
    private static final Quantization PAPER = new Quantization(2048, true);

    QuantizedUpdateCases(BackendConformance suite) {
        super(suite);
    }

    @Override
    final Class<?> family() {
        return QuantizedUpdateKernels.class;
    }

    @Override
    final List<OpCase> cases() {
        List<OpCase> cases = new ArrayList<>();
        everyRule(cases, SMALL, 5, 6);
        for (int size : Shapes.SIZES) {
            everyRule(cases, size % 2 == 0 ? SMALL : new Quantization(64, true), size);
        }
        everyRule(cases, USUAL, 3, 5, 7, 11);
        for (int size : new int[] {255, 256, 257, 511, 1025, 2300}) {
            everyRule(cases, USUAL, size);
            everyRule(cases, PAPER, size);
        }
        everyRule(cases, new Quantization(Quantization.LARGEST_BLOCK, false), 4097);
        everyRule(cases, USUAL, 140_001);
        everyRule(cases, PAPER, 300, 101);
        return cases;
    }

    private static void everyRule(List<OpCase> cases, Quantization how, long... dims) {
        UpdateCases.Weight f32 = new UpdateCases.Weight(DType.F32, Rounding.NEAREST_EVEN);
        float[] heavyBall = UpdateSlots.momentumSlots(0.05, 0.5, 0.001, 0.9, 1, 0.9, 1);
        float[] lion = UpdateSlots.momentumSlots(0.02, 2, 0.01, 0.99, 0.01, 0.9, 0.1);
        float[] mean = UpdateSlots.rootSlots(0.01, 2, 0, 0.99, 0.01, 1e-8);
        float[] adam = UpdateSlots.adamWSlots(0.01, 0.5, 1e-3, 0.9, 0.999, 1e-8, 10);
        cases.add(moment("quantizedSgdStep", how, f32, heavyBall, dims));
        cases.add(moment("quantizedSignStep", how, f32, lion, dims));
        cases.add(root(how, f32, mean, dims));
        cases.add(adamW(how, f32, adam, dims));
        cases.add(zeroed(moment("quantizedSgdStep", how, f32, heavyBall, dims)));
        cases.add(zeroed(adamW(how, f32, adam, dims)));
        for (Rounding rounding : Rounding.values()) {
            UpdateCases.Weight bf16 = new UpdateCases.Weight(DType.BF16, rounding);
            cases.add(moment("quantizedSgdStep", how, bf16, UpdateSlots.at(3, heavyBall), dims));
            cases.add(moment("quantizedSignStep", how, bf16, UpdateSlots.at(0x7_0000_0002L, lion), dims));
            cases.add(root(how, bf16, UpdateSlots.at(9, mean), dims));
            cases.add(adamW(how, bf16, UpdateSlots.at(9, adam), dims));
        }
    }

    private static OpCase moment(String op, Quantization how, UpdateCases.Weight weight, float[] slots, long... dims) {
        boolean sign = op.equals("quantizedSignStep");
        OpCase c = state(parameter(op, how, weight, dims), "m", 0, how);
        return c.read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> {
                    if (sign) {
                        k.quantized().quantizedSignStep(t[0], t[1], t[2], t[3], t[4], how, weight.rounding(), UpdateCases.KEY);
                    } else {
                        k.quantized().quantizedSgdStep(t[0], t[1], t[2], t[3], t[4], how, weight.rounding(), UpdateCases.KEY);
                    }
                })
                .expect(o -> weight.expected(o, QuantizedUpdateOracle.momentum(o, how, sign)));
    }

    private static OpCase root(Quantization how, UpdateCases.Weight weight, float[] slots, long... dims) {
        return state(parameter("quantizedRootStep", how, weight, dims), "v", 127, how)
                .read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> k.quantized().quantizedRootStep(t[0], t[1], t[2], t[3], t[4], how, weight.rounding(),
                        UpdateCases.KEY))
                .expect(o -> weight.expected(o, QuantizedUpdateOracle.root(o, how)));
    }

    private static OpCase adamW(Quantization how, UpdateCases.Weight weight, float[] slots, long... dims) {
        OpCase c = parameter("quantizedAdamWStep", how, weight, dims);
        return state(state(c, "m", 0, how), "v", 0, how).read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> k.quantized().quantizedAdamWStep(t[0], t[1], t[2], t[3], t[4], t[5], t[6], how,
                        weight.rounding(), UpdateCases.KEY))
                .expect(o -> weight.expected(o, QuantizedUpdateOracle.adamW(o, how)));
    }

    private static OpCase parameter(String op, Quantization how, UpdateCases.Weight weight, long... dims) {
        return OpCase.of(op, Shape.of(dims) + " by " + how.block() + (how.preserveSign() ? " with signs" : "") + weight)
                .accumulated("p", dims).weight(weight.dtype());
    }

    /** Any codes from {@code least} on, of blocks of any positive scale. */
    private static OpCase state(OpCase c, String name, int least, Quantization how) {
        Shape shape = c.args().getFirst().shape();
        int[] codes = Data.ids(c.seed(name), shape.numel(), DynamicMap.LAST + 1 - least);
        float[] scales = Data.normal(c.seed(name + "Scale"), how.blocks(shape.numel()));
        for (int i = 0; i < scales.length; i++) {
            scales[i] = Math.abs(scales[i]);
        }
        return c.accumulated(DType.U8, name, Arrays.stream(codes).map(code -> least + code).toArray(), shape.dims())
                .accumulated(name + "Scale", scales, scales.length);
    }

    /** The first step of a parameter whose gradient is 0. */
    private static OpCase zeroed(OpCase c) {
        OpCase zeroed = c;
        for (Arg arg : c.args()) {
            zeroed = List.of("p", "s").contains(arg.name()) ? zeroed : zeroed.with(arg.name(), new int[arg.bits().length]);
        }
        return zeroed.titled("zeros");
    }

    @Override
    final List<GradientCheck> gradients() {
        return List.of();
    }

    /** A state that was set to given numbers. */
    private record Stored(int[] codes, float[] scales) {
        float[] read(DynamicMap map, Quantization how) {
            float[] values = new float[codes.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = map.value(codes[i]) * scales[i / how.block()];
            }
            return values;
        }
    }

    /** Stores numbers as a moment, from a state of nothing but zero bits, so that even -0 arrives. */
    private Stored moments(Quantization how, float[] x) {
        return stored(how, x, false);
    }

    /** Stores the squares of numbers beside a moment. */
    private Stored squares(Quantization how, float[] x) {
        return stored(how, x, true);
    }

    private Stored stored(Quantization how, float[] x, boolean squared) {
        Region.Mark mark = region().mark();
        Tensor m = bytes(x.length);
        Tensor v = bytes(x.length);
        Tensor mScale = floats(new float[(int) how.blocks(x.length)]);
        Tensor vScale = floats(new float[(int) how.blocks(x.length)]);
        if (squared) {
            float[] s = UpdateSlots.adamWSlots(0, 1, 0, 0, 0, 1, 1);
            kernels().quantized().quantizedAdamWStep(floats(x), m, mScale, v, vScale, floats(x), floats(s), how,
                    Rounding.NEAREST_EVEN, 0);
        } else {
            float[] s = QuantizedUpdateOracle.copying();
            kernels().quantized().quantizedSgdStep(floats(x), m, mScale, floats(x), floats(s), how, Rounding.NEAREST_EVEN, 0);
        }
        Stored stored = new Stored(Bits.read(squared ? v : m), (squared ? vScale : mScale).toFloatArray());
        region().release(mark);
        return stored;
    }

    private Tensor floats(float[] values) {
        Tensor tensor = region().allocate(DType.F32, Shape.of(values.length));
        tensor.copyFrom(values);
        return tensor;
    }

    private Tensor bytes(int count) {
        Tensor tensor = region().allocate(DType.U8, Shape.of(count));
        tensor.segment().fill((byte) 0);
        return tensor;
    }

    /** Every number of a map, every midpoint, and what is next to it on both sides, in blocks whose scale is 1. */
    @Test
    void everyNumberNextToAMidpointGetsItsCode() {
        for (boolean preserveSign : new boolean[] {false, true}) {
            Quantization how = new Quantization(64, preserveSign);
            List<Float> x = new ArrayList<>();
            for (int code = 0; code < DynamicMap.LAST; code++) {
                float midpoint = DynamicMap.SIGNED.midpoint(code);
                x.addAll(List.of(1f, DynamicMap.SIGNED.value(code), midpoint, Math.nextUp(midpoint), Math.nextDown(midpoint)));
            }
            x.addAll(List.of(-1f, 1f, -0f, 0f, Float.MIN_VALUE, -Float.MIN_VALUE, -0.9999f, 1f));
            float[] numbers = new float[x.size()];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = i % 64 == 0 ? 1 : x.get(i);
            }
            int[] codes = moments(how, numbers).codes;
            for (int i = 0; i < numbers.length; i++) {
                assertEquals(QuantizedUpdateOracle.code(numbers[i], DynamicMap.SIGNED, how), codes[i], numbers[i] + " " + how);
            }
        }
    }

    /** The squares of numbers whose squares are close to midpoints. */
    @Test
    void everySquareNextToAMidpointGetsItsCode() {
        List<Float> x = new ArrayList<>();
        for (int code = 0; code < DynamicMap.LAST; code++) {
            float root = (float) Math.sqrt(DynamicMap.UNSIGNED.midpoint(code));
            x.addAll(List.of(1f, root, -Math.nextUp(root), Math.nextDown(root), (float) Math.sqrt(DynamicMap.UNSIGNED.value(code))));
        }
        float[] numbers = new float[x.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = i % 64 == 0 ? 1 : x.get(i);
        }
        int[] codes = squares(SMALL, numbers).codes;
        for (int i = 0; i < numbers.length; i++) {
            float square = numbers[i] * numbers[i];
            assertEquals(QuantizedUpdateOracle.code(square, DynamicMap.UNSIGNED, SMALL), codes[i], "square of " + numbers[i]);
        }
    }

    /** Numbers of all sizes; every eighth block is 0. */
    private static float[] spread(long seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = i / 256 % 8 == 7 ? 0 : (float) (random.nextGaussian() * Math.pow(10, -9 * random.nextDouble()));
        }
        return x;
    }

    @Test
    void numbersAreWithinHalfACellOfWhatIsStored() {
        for (Quantization how : List.of(SMALL, USUAL, new Quantization(2048, false))) {
            float[] x = spread(7, 5000);
            Stored stored = moments(how, x);
            float[] read = stored.read(DynamicMap.SIGNED, how);
            for (int i = 0; i < x.length; i++) {
                int code = stored.codes[i];
                float scale = stored.scales[i / how.block()];
                double up = code == DynamicMap.LAST ? 0 : DynamicMap.SIGNED.midpoint(code) - DynamicMap.SIGNED.value(code);
                double down = code == 0 ? 1 + DynamicMap.SIGNED.value(0)
                        : DynamicMap.SIGNED.value(code) - DynamicMap.SIGNED.midpoint(code - 1);
                double error = x[i] - read[i];
                double rounding = 4 * Expected.UNIT * Math.abs(x[i]);
                assertTrue(error <= up * scale + rounding && -error <= down * scale + rounding,
                        x[i] + " is stored as " + read[i] + " in a block of " + scale);
            }
        }
    }

    @Test
    void storingWhatWasReadChangesNothingIfTheLargestOfABlockIsPositive() {
        float[] x = spread(8, 4096);
        for (int i = 0; i < x.length; i += USUAL.block()) {
            x[i] = x[i + 1] == 0 ? 0 : 9;
        }
        Stored once = moments(USUAL, x);
        Stored twice = moments(USUAL, once.read(DynamicMap.SIGNED, USUAL));
        assertArrayEquals(once.codes, twice.codes);
        assertArrayEquals(once.scales, twice.scales);
    }

    /** There is no code for -1: the largest of a block is read as 0.993 of itself. */
    @Test
    void aLargestNumberThatIsNegativeShrinksABlock() {
        float[] x = {-2, 1};
        float[] read = moments(USUAL, x).read(DynamicMap.SIGNED, USUAL);
        assertEquals(-2 * 0.99296875f, read[0], 1e-6f);
    }

    @Test
    void powersOfTwoChangeTheScalesAlone() {
        float[] x = spread(9, 3000);
        float[] scaled = x.clone();
        for (int i = 0; i < x.length; i++) {
            scaled[i] *= 0x1p-20f;
        }
        for (boolean squared : new boolean[] {false, true}) {
            Stored plain = stored(USUAL, x, squared);
            Stored small = stored(USUAL, scaled, squared);
            assertArrayEquals(plain.codes, small.codes);
            for (int i = 0; i < plain.scales.length; i++) {
                assertEquals(plain.scales[i] * (squared ? 0x1p-40f : 0x1p-20f), small.scales[i]);
            }
        }
    }
}
