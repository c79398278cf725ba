package dev.smallbatch.core.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import org.junit.jupiter.api.Test;

class StepNumberTest {
    /** Among them bit patterns of signaling NaN, which arithmetic would change and copies must not. */
    @Test
    void anyNumberPassesThroughTheScalars() {
        try (Region region = Region.create("scalars", 256)) {
            Tensor scalars = region.allocate(DType.F32, Shape.of(UpdateKernels.MOMENTUM_SLOTS));
            for (long step : new long[] {0, 1, 0x7F800001L, 0xFF800001L, 0xFFFFFFFFL, 1L << 32, 0x7F800001_7F800001L, -1}) {
                float[] s = new float[UpdateKernels.MOMENTUM_SLOTS];
                StepNumber.put(s, step);
                scalars.copyFrom(s);
                assertEquals(step, StepNumber.get(scalars));
            }
        }
    }
}
