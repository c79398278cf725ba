package dev.smallbatch.core.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ShapeTest {
    @Test
    void rowsAreTheProductOfAllDimensionsButTheLast() {
        Shape shape = Shape.of(2, 3, 4, 5);
        assertEquals(24, shape.rows());
        assertEquals(5, shape.cols());
        assertEquals(120, shape.numel());
    }

    @Test
    void aVectorIsOneRow() {
        assertEquals(1, Shape.of(7).rows());
        assertEquals(7, Shape.of(7).cols());
    }

    @Test
    void aScalarIsOneRowOfOneColumn() {
        Shape shape = Shape.of();
        assertEquals(0, shape.rank());
        assertEquals(1, shape.numel());
        assertEquals(1, shape.rows());
        assertEquals(1, shape.cols());
    }

    @Test
    void anEmptyDimensionMakesTheShapeEmpty() {
        assertEquals(0, Shape.of(3, 0).numel());
        assertEquals(3, Shape.of(3, 0).rows());
        assertEquals(0, Shape.of(0, 3).rows());
    }

    @Test
    void negativeAxesCountFromTheEnd() {
        Shape shape = Shape.of(2, 3, 4);
        assertEquals(4, shape.dim(-1));
        assertEquals(2, shape.dim(-3));
        assertEquals(3, shape.dim(1));
    }

    @Test
    void anAxisThatIsNotThereIsRefused() {
        assertMessage("shape (2, 3): no axis 2", () -> Shape.of(2, 3).dim(2));
        assertMessage("shape (2, 3): no axis -3", () -> Shape.of(2, 3).dim(-3));
    }

    @Test
    void moreThanFourDimensionsAreRefused() {
        assertMessage("shape (1, 2, 3, 4, 5): rank 5, at most 4", () -> Shape.of(1, 2, 3, 4, 5));
    }

    @Test
    void negativeDimensionsAreRefused() {
        assertMessage("shape (2, -3): dimension -3 is negative", () -> Shape.of(2, -3));
    }

    @Test
    void moreElementsThanALongCountsAreRefused() {
        assertMessage("shape (4294967296, 4294967296): more than 2^63 elements", () -> Shape.of(1L << 32, 1L << 32));
    }

    @Test
    void equalDimensionsMakeEqualShapes() {
        assertEquals(Shape.of(2, 3), Shape.of(2, 3));
        assertEquals(Shape.of(2, 3).hashCode(), Shape.of(2, 3).hashCode());
        assertNotEquals(Shape.of(2, 3), Shape.of(3, 2));
        assertNotEquals(Shape.of(6), Shape.of(1, 6));
    }

    @Test
    void changingTheArraysOutsideChangesNothingInside() {
        long[] dims = {2, 3};
        Shape shape = Shape.of(dims);
        dims[0] = 9;
        shape.dims()[1] = 9;
        assertArrayEquals(new long[] {2, 3}, shape.dims());
    }

    @Test
    void printsItsDimensions() {
        assertEquals("(2, 1024, 768)", Shape.of(2, 1024, 768).toString());
        assertEquals("()", Shape.of().toString());
    }

    private static void assertMessage(String message, Runnable call) {
        assertEquals(message, assertThrows(ShapeException.class, call::run).getMessage());
    }
}
