package dev.smallbatch.core.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TensorTest {
    private final Region region = Region.create("test", 4096);

    @AfterEach
    void close() {
        region.close();
    }

    private Tensor counted(long... dims) {
        Tensor tensor = region.allocate(DType.F32, Shape.of(dims));
        float[] values = new float[(int) tensor.numel()];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        tensor.copyFrom(values);
        return tensor;
    }

    @Test
    void elementsLieInRowMajorOrder() {
        Tensor tensor = counted(2, 3, 4);
        assertEquals(1 * 12 + 2 * 4 + 3, tensor.get(1, 2, 3));
        assertEquals(17, tensor.getFlat(17));
    }

    @Test
    void aScalarHasOneElementAndNoIndex() {
        Tensor tensor = counted();
        assertEquals(0, tensor.get());
    }

    @Test
    void anIndexOutsideIsRefused() {
        Tensor tensor = counted(2, 3);
        assertMessage("index 3 on axis 1 of (2, 3)", () -> tensor.get(0, 3));
        assertMessage("index -1 on axis 0 of (2, 3)", () -> tensor.get(-1, 0));
        assertMessage("index of rank 1 into (2, 3)", () -> tensor.get(0));
    }

    @Test
    void reshapeIsTheSameMemory() {
        Tensor tensor = counted(2, 6);
        Tensor view = tensor.reshape(Shape.of(3, 4));
        assertEquals(7, view.get(1, 3));
        assertTrue(view.overlaps(tensor));
        assertEquals(tensor.segment().address(), view.segment().address());
    }

    @Test
    void reshapeKeepsTheNumberOfElements() {
        Tensor tensor = counted(2, 6);
        assertMessage("reshape: (2, 6) has 12 elements, (5) has 5", () -> tensor.reshape(Shape.of(5)));
    }

    @Test
    void rowsIsTheSameMemoryFromTheFirstRowOn() {
        Tensor tensor = counted(4, 2, 3);
        Tensor middle = tensor.rows(1, 3);
        assertEquals(Shape.of(2, 2, 3), middle.shape());
        assertEquals(6, middle.get(0, 0, 0));
        assertEquals(17, middle.get(1, 1, 2));
        assertTrue(middle.overlaps(tensor));
        assertEquals(48, middle.bytes());
    }

    @Test
    void rowsMayBeNone() {
        assertEquals(0, counted(4, 3).rows(2, 2).numel());
        assertEquals(0, counted(4, 3).rows(4, 4).numel());
    }

    @Test
    void rowsOutsideAreRefused() {
        Tensor tensor = counted(4, 3);
        assertMessage("rows 2 to 5 of (4, 3)", () -> tensor.rows(2, 5));
        assertMessage("rows -1 to 2 of (4, 3)", () -> tensor.rows(-1, 2));
        assertMessage("rows 3 to 2 of (4, 3)", () -> tensor.rows(3, 2));
        assertMessage("rows 0 to 1 of ()", () -> counted().rows(0, 1));
    }

    @Test
    void overlapMeansSharingAByte() {
        Tensor tensor = counted(4, 3);
        assertTrue(tensor.rows(0, 2).overlaps(tensor.rows(1, 3)));
        assertFalse(tensor.rows(0, 2).overlaps(tensor.rows(2, 4)));
        assertTrue(tensor.overlaps(tensor.rows(3, 4)));
        assertTrue(tensor.rows(3, 4).overlaps(tensor));
    }

    @Test
    void nothingOverlapsAnEmptyTensor() {
        Tensor tensor = counted(4, 3);
        assertFalse(tensor.rows(1, 1).overlaps(tensor));
        assertFalse(tensor.overlaps(tensor.rows(1, 1)));
    }

    @Test
    void halfPrecisionElementsAreWidened() {
        Tensor bfloat = region.allocate(DType.BF16, Shape.of(2));
        bfloat.segment().setAtIndex(ValueLayout.JAVA_SHORT, 0, (short) 0x3FC0);
        bfloat.segment().setAtIndex(ValueLayout.JAVA_SHORT, 1, (short) 0xC000);
        assertEquals(1.5f, bfloat.getFlat(0));
        assertEquals(-2f, bfloat.getFlat(1));
        Tensor half = region.allocate(DType.F16, Shape.of(1));
        half.segment().setAtIndex(ValueLayout.JAVA_SHORT, 0, (short) 0x3E00);
        assertEquals(1.5f, half.getFlat(0));
    }

    @Test
    void copiesComeBackUnchanged() {
        Tensor tensor = region.allocate(DType.F32, Shape.of(3));
        float[] values = {1.25f, Float.NEGATIVE_INFINITY, -0f};
        tensor.copyFrom(values);
        assertArrayEquals(values, tensor.toFloatArray());
    }

    @Test
    void copiesOfAnotherSizeOrTypeAreRefused() {
        Tensor floats = counted(3);
        Tensor ids = region.allocate(DType.I32, Shape.of(3));
        assertMessage("copy: tensor f32 (3) against 2 elements of F32", () -> floats.copyFrom(new float[2]));
        assertMessage("copy: tensor f32 (3) against 3 elements of I32", () -> floats.copyFrom(new int[3]));
        assertMessage("copy: tensor i32 (3) against 3 elements of F32", ids::toFloatArray);
    }

    @Test
    void aPlannedTensorHasShapesAndNoMemory() {
        try (Region counting = Region.counting("plan")) {
            Tensor planned = counting.allocate(DType.F32, Shape.of(4, 3));
            assertEquals(Shape.of(2, 3), planned.rows(1, 3).shape());
            assertEquals(Shape.of(12), planned.reshape(Shape.of(12)).shape());
            assertTrue(planned.rows(1, 3).isPlanned());
            assertFalse(planned.overlaps(planned));
            IllegalStateException refused = assertThrows(IllegalStateException.class, planned::segment);
            assertEquals("tensor F32 (4, 3) of region plan only plans memory; open a backend that computes",
                    refused.getMessage());
        }
    }

    @Test
    void summaryTellsMeanDeviationAndNumberOfNaN() {
        Tensor tensor = region.allocate(DType.F32, Shape.of(2, 2));
        tensor.copyFrom(new float[] {1, 3, Float.NaN, 2});
        assertEquals("f32 (2, 2) mean 2.000 std 0.8165 nan 1", tensor.summary());
    }

    private static void assertMessage(String message, Runnable call) {
        assertEquals(message, assertThrows(ShapeException.class, call::run).getMessage());
    }
}
