package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.ValueLayout;

/**
 * The number of a step among the scalars of {@link UpdateKernels}: its lower and upper 32 bits are the raw bits of two floats,
 * not their values.
 */
public final class StepNumber {
    private StepNumber() {}

    /** Writes {@code step} into its slots of {@code s}. */
    public static void put(float[] s, long step) {
        s[UpdateKernels.STEP_LOW] = Float.intBitsToFloat((int) step);
        s[UpdateKernels.STEP_HIGH] = Float.intBitsToFloat((int) (step >>> 32));
    }

    /** Reads it from the scalars of a kernel. */
    public static long get(Tensor s) {
        long low = s.segment().getAtIndex(ValueLayout.JAVA_INT, UpdateKernels.STEP_LOW);
        long high = s.segment().getAtIndex(ValueLayout.JAVA_INT, UpdateKernels.STEP_HIGH);
        return high << 32 | low & 0xFFFFFFFFL;
    }
}
