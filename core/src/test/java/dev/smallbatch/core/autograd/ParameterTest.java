package dev.smallbatch.core.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import org.junit.jupiter.api.Test;

class ParameterTest {
    private static Tensor planned(long... dims) {
        return Region.counting("plan").allocate(DType.F32, Shape.of(dims));
    }

    @Test
    void isOneBlockUnlessItIsSaidToBeSeveral() {
        assertEquals(Shape.of(6, 4), new Parameter("p", planned(6, 4), Role.MATRIX).block());
        assertEquals(Shape.of(1, 5), new Parameter("p", planned(5), Role.VECTOR).block());
        assertEquals(Shape.of(3, 2), new Parameter("p", planned(6, 4), Role.MATRIX, Shape.of(3, 2)).block());
    }

    @Test
    void refusesBlocksThatDoNotMakeUpTheMatrix() {
        for (Shape block : new Shape[] {Shape.of(4, 4), Shape.of(6, 3), Shape.of(24), Shape.of(0, 4)}) {
            String message = assertThrows(ShapeException.class,
                    () -> new Parameter("p", planned(6, 4), Role.MATRIX, block)).getMessage();
            assertEquals("parameter p: (6, 4) is no grid of blocks " + block, message);
        }
    }
}
