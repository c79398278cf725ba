package dev.smallbatch.tck;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * A tensor with guards on both sides: a view of rows inside a larger tensor whose other elements hold a pattern. The
 * pattern is NaN for float types and an invalid id for integers, so that reading it shows as well as writing it.
 */
final class Canary {
    private static final int TRAIL = 37;

    private final String name;
    private final Tensor carrier;
    private final Tensor tensor;
    private final int lead;

    /**
     * Allocates a guarded tensor.
     *
     * @param lead guard elements in front: 64 bytes of them keep the tensor aligned, an odd number does not
     */
    Canary(Region region, String name, DType dtype, Shape shape, int lead) {
        this.name = name;
        this.lead = lead;
        this.carrier = region.allocate(dtype, Shape.of(lead + shape.numel() + TRAIL));
        int[] guard = new int[Math.toIntExact(carrier.numel())];
        java.util.Arrays.fill(guard, pattern(dtype));
        Bits.write(carrier, guard);
        this.tensor = carrier.rows(lead, lead + shape.numel()).reshape(shape);
    }

    /** Guard elements that keep the payload 64-byte aligned. */
    static int aligned(DType dtype) {
        return 64 / dtype.bytes();
    }

    Tensor tensor() {
        return tensor;
    }

    /** Guards and tensor together. */
    Tensor carrier() {
        return carrier;
    }

    /** Null if both guards are intact, else where they were overwritten. */
    String damage() {
        int[] bits = Bits.read(carrier);
        long end = lead + tensor.numel();
        for (int i = 0; i < bits.length; i++) {
            if ((i < lead || i >= end) && bits[i] != pattern(carrier.dtype())) {
                return "%s: element %d was written, the tensor has elements 0 to %d".formatted(name, i - lead,
                        tensor.numel() - 1);
            }
        }
        return null;
    }

    private static int pattern(DType dtype) {
        return switch (dtype) {
            case F32 -> 0x7FC0CAFE;
            case BF16, F16 -> 0x7FCA;
            case I32 -> 0x80000001;
            case U8 -> 0xA5;
        };
    }
}
