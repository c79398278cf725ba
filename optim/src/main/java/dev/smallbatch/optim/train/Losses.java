package dev.smallbatch.optim.train;

import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Adds up losses per target. */
final class Losses {
    private Losses() {}

    /** The sum of an F32 tensor, in double from first to last. */
    static double sum(Tensor losses) {
        MemorySegment segment = losses.segment();
        double sum = 0;
        for (long i = 0; i < losses.numel(); i++) {
            sum += segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        }
        return sum;
    }
}
