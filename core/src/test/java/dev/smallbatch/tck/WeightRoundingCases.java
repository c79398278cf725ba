package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * What rounding does to BF16 weights over many elements and steps. All updates are plain gradient descent whose arithmetic
 * is exact in float, so that a weight is one of the two neighbours of a known number.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class WeightRoundingCases {
    private static final long KEY = 0x5DEECE66DL;
    private static final int COUNT = 1 << 16;
    private static final long CAPACITY_BYTES = 2 << 20;
    /** The distance from 1 to the next BF16 number. */
    private static final double UNIT = 0x1p-7;
    /** Standard deviations; a right one is that far off once in two million tests, and always or never with one key. */
    private static final double DEVIATIONS = 5;

    private final BackendConformance suite;
    private Region region;

    WeightRoundingCases(BackendConformance suite) {
        this.suite = suite;
    }

    @BeforeEach
    void create() {
        region = Region.create("weight rounding", CAPACITY_BYTES);
    }

    @AfterEach
    void release() {
        region.close();
    }

    private Kernels kernels() {
        return suite.backend(1).kernels();
    }

    /** Weights that are all {@code start} after one step of {@code start - by}. */
    private double[] stepped(double start, double by, Rounding rounding, long key, long step) {
        Region.Mark mark = region.mark();
        Tensor p = region.allocate(DType.BF16, Shape.of(COUNT));
        int[] bits = new int[COUNT];
        Arrays.fill(bits, Float.floatToRawIntBits((float) start) >>> 16);
        Bits.write(p, bits);
        Tensor g = region.allocate(DType.F32, Shape.of(COUNT));
        g.copyFrom(Data.constant((float) by, COUNT));
        step(p, g, rounding, key, step);
        double[] values = Bits.toDoubles(DType.BF16, Bits.read(p));
        region.release(mark);
        return values;
    }

    private void step(Tensor p, Tensor g, Rounding rounding, long key, long step) {
        Region.Mark mark = region.mark();
        float[] slots = UpdateSlots.at(step, UpdateSlots.sgdSlots(1, 1, 0, 0));
        Tensor s = region.allocate(DType.F32, Shape.of(slots.length));
        s.copyFrom(slots);
        kernels().update().sgdStep(p, null, g, s, rounding, key);
        region.release(mark);
    }

    @Test
    void everyWeightIsANeighbourAndTheirMeanIsExact() {
        for (double sign : new double[] {1, -1}) {
            for (int k : new int[] {1, 2048, 16384, 32768, 50000, 65535}) {
                double up = k * 0x1p-16;
                double[] values = stepped(sign, -sign * up * UNIT, Rounding.STOCHASTIC, KEY, k);
                int moved = 0;
                for (double value : values) {
                    assertTrue(value == sign || value == sign * (1 + UNIT), () -> "a weight became " + value);
                    moved += value == sign ? 0 : 1;
                }
                int count = moved;
                assertEquals(COUNT * up, count, DEVIATIONS * Math.sqrt(COUNT * up * (1 - up)),
                        () -> "%d of %d weights moved by one unit, wanted %s of a unit".formatted(count, COUNT, up));
            }
        }
    }

    @Test
    void weightsThatBf16HoldsAreNotRounded() {
        for (Rounding rounding : Rounding.values()) {
            double[] values = stepped(1, -UNIT, rounding, KEY, 9);
            assertTrue(Arrays.stream(values).allMatch(v -> v == 1 + UNIT), rounding.toString());
        }
    }

    @Test
    void nearestEvenLosesStepsBelowHalfAUnitAndStochasticRoundingKeepsThem() {
        Tensor g = region.allocate(DType.F32, Shape.of(COUNT));
        g.copyFrom(Data.constant((float) (-UNIT / 64), COUNT));
        double[] means = new double[2];
        for (Rounding rounding : Rounding.values()) {
            Tensor p = region.allocate(DType.BF16, Shape.of(COUNT));
            int[] ones = new int[COUNT];
            Arrays.fill(ones, Float.floatToRawIntBits(1) >>> 16);
            Bits.write(p, ones);
            for (int step = 0; step < 64; step++) {
                step(p, g, rounding, KEY, step);
            }
            means[rounding.ordinal()] = Arrays.stream(Bits.toDoubles(DType.BF16, Bits.read(p))).average().orElseThrow();
        }
        assertEquals(1, means[Rounding.NEAREST_EVEN.ordinal()]);
        // Each of the 64 steps moves a weight by one unit with probability 1/64, independently of the others.
        assertEquals(1 + UNIT, means[Rounding.STOCHASTIC.ordinal()], DEVIATIONS * UNIT / Math.sqrt(COUNT));
    }

    @Test
    void theSameKeyAndStepGiveTheSameBitsAndOthersGiveOthers() {
        double[] once = stepped(1, -UNIT / 2, Rounding.STOCHASTIC, KEY, 1);
        assertArrayEquals(once, stepped(1, -UNIT / 2, Rounding.STOCHASTIC, KEY, 1));
        for (long step : new long[] {0, 2, 1L << 32, 1 + (1L << 32), -1}) {
            assertIndependent(once, stepped(1, -UNIT / 2, Rounding.STOCHASTIC, KEY, step), "step " + step);
        }
        for (long key : new long[] {0, KEY + 1, KEY + (1L << 32)}) {
            assertIndependent(once, stepped(1, -UNIT / 2, Rounding.STOCHASTIC, key, 1), "key " + key);
        }
        double[] shifted = new double[COUNT];
        System.arraycopy(once, 1, shifted, 0, COUNT - 1);
        assertIndependent(once, shifted, "the next element");
    }

    /** Of weights that move or not with equal chance, half do the same. */
    private static void assertIndependent(double[] a, double[] b, String other) {
        int equal = 0;
        for (int i = 0; i < COUNT; i++) {
            equal += a[i] == b[i] ? 1 : 0;
        }
        assertEquals(COUNT / 2.0, equal, DEVIATIONS * Math.sqrt(COUNT) / 2, other);
    }

    /** Noise that carried out of the exponent would make a finite number of them. */
    @Test
    void infinityAndNotANumberStay() {
        for (Rounding rounding : Rounding.values()) {
            for (float infinity : new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                double[] values = stepped(1, -infinity, rounding, KEY, 4);
                assertTrue(Arrays.stream(values).allMatch(v -> v == infinity), () -> rounding + " of " + infinity);
            }
            for (int nan : new int[] {0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF}) {
                double[] values = stepped(1, Float.intBitsToFloat(nan), rounding, KEY, 4);
                assertTrue(Arrays.stream(values).allMatch(Double::isNaN), () -> rounding + " of NaN");
            }
        }
    }
}
