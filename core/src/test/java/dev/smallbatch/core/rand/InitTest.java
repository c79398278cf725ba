package dev.smallbatch.core.rand;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.tensor.BFloat16;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class InitTest {
    private static final RandomKey KEY = RandomKey.of(11).fork("weight");

    private final Region region = Region.create("init", 1 << 20);

    @AfterEach
    void close() {
        region.close();
    }

    @Test
    void normalElementIsTheKeysNormalOfItsIndexTimesStd() {
        float[] values = filled(new Init.Normal(0.05), 7, 5);
        for (int i = 0; i < values.length; i++) {
            assertEquals((float) (0.05 * KEY.normal(i)), values[i], "index " + i);
        }
    }

    @Test
    void uniformElementDependsOnItsWordAndStaysWithinTheBound() {
        float[] values = filled(new Init.Uniform(0.25), 101, 11);
        for (int i = 0; i < values.length; i++) {
            double unit = (Integer.toUnsignedLong(KEY.word(i)) + 0.5) / 4294967296.0;
            assertEquals(0.25 * (2 * unit - 1), values[i], 1e-7, "index " + i);
            assertTrue(Math.abs(values[i]) <= 0.25f, "index " + i);
        }
    }

    @Test
    void elementsDoNotDependOnTheShape() {
        for (Init init : new Init[] {new Init.Normal(1), new Init.Uniform(1)}) {
            float[] wide = filled(init, 3, 7);
            float[] flat = filled(init, 21);
            assertArrayEquals(wide, flat, init.toString());
        }
    }

    @Test
    void everySizeAroundABlockIsFilledAndNothingMore() {
        for (Init init : new Init[] {new Init.Zeros(), new Init.Ones(), new Init.Normal(1), new Init.Uniform(1)}) {
            for (int size = 0; size <= 9; size++) {
                Tensor all = region.allocate(DType.F32, Shape.of(16));
                all.copyFrom(new float[] {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9});
                init.fill(all.rows(0, size), KEY);
                for (int i = 0; i < 16; i++) {
                    assertEquals(i >= size, all.get(i) == 9f, init + " of " + size + " at " + i);
                }
            }
        }
    }

    @Test
    void zerosAndOnesAreWhatTheySay() {
        assertArrayEquals(new float[] {0, 0, 0}, filled(new Init.Zeros(), 3));
        assertArrayEquals(new float[] {1, 1, 1}, filled(new Init.Ones(), 3));
    }

    @Test
    void aPlannedTensorIsLeftAlone() {
        Tensor planned = Region.counting("plan").allocate(DType.F32, Shape.of(1L << 40));
        new Init.Normal(1).fill(planned, KEY);
        assertTrue(planned.isPlanned());
    }

    @Test
    void halfPrecisionIsTheNearestNumberToTheFloat() {
        for (Init init : new Init[] {new Init.Zeros(), new Init.Ones(), new Init.Normal(0.3), new Init.Uniform(2)}) {
            float[] floats = filled(init, 21);
            Tensor half = region.allocate(DType.BF16, Shape.of(21));
            init.fill(half, KEY);
            for (int i = 0; i < 21; i++) {
                assertEquals(BFloat16.toFloat(BFloat16.nearestEven(floats[i])), half.getFlat(i), init + " index " + i);
            }
        }
    }

    @Test
    void otherTypesAreRefused() {
        Tensor tokens = region.allocate(DType.I32, Shape.of(4));
        ShapeException refused = assertThrows(ShapeException.class, () -> new Init.Ones().fill(tokens, KEY));
        assertEquals("init: tensor is i32 (4), initializers write F32 and BF16", refused.getMessage());
    }

    @Test
    void scalesThatAreNegativeOrNotFiniteAreRefused() {
        for (double scale : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> new Init.Normal(scale));
            assertThrows(IllegalArgumentException.class, () -> new Init.Uniform(scale));
        }
    }

    private float[] filled(Init init, long... dims) {
        Tensor tensor = region.allocate(DType.F32, Shape.of(dims));
        init.fill(tensor, KEY);
        return tensor.toFloatArray();
    }
}
