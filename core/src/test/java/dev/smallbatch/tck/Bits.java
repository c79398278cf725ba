package dev.smallbatch.tck;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Contents of tensors as raw bits, one element per int: exact, and the same for every element type. */
final class Bits {
    private Bits() {}

    static int[] ofFloats(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }

    /** NaN or infinity in a float type. */
    static int of(DType dtype, float special) {
        return switch (dtype) {
            case F32 -> Float.floatToRawIntBits(special);
            case BF16 -> Float.floatToRawIntBits(special) >>> 16;
            case F16 -> Float.floatToFloat16(special) & 0xFFFF;
            case I32, U8 -> throw new IllegalArgumentException("integers have no " + special);
        };
    }

    /** Values of the elements; 16-bit formats are decoded here, from their definition. */
    static double[] toDoubles(DType dtype, int[] bits) {
        double[] values = new double[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = toDouble(dtype, bits[i]);
        }
        return values;
    }

    static double toDouble(DType dtype, int bits) {
        return switch (dtype) {
            case F32 -> Float.intBitsToFloat(bits);
            case BF16 -> Float.intBitsToFloat(bits << 16);
            case F16 -> half(bits);
            case I32, U8 -> bits;
        };
    }

    /** IEEE 754 binary16: sign, five bits of exponent with bias 15, ten of fraction. */
    private static double half(int bits) {
        int exponent = bits >> 10 & 31;
        int fraction = bits & 1023;
        double magnitude = switch (exponent) {
            case 0 -> fraction * 0x1p-24;
            case 31 -> fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
            default -> (1024 + fraction) * Math.scalb(1.0, exponent - 25);
        };
        return (bits & 0x8000) == 0 ? magnitude : -magnitude;
    }

    static int[] read(Tensor tensor) {
        MemorySegment memory = tensor.segment();
        int[] bits = new int[Math.toIntExact(tensor.numel())];
        if (tensor.dtype().bytes() == 4) {
            MemorySegment.copy(memory, ValueLayout.JAVA_INT, 0, bits, 0, bits.length);
            return bits;
        }
        for (int i = 0; i < bits.length; i++) {
            bits[i] = tensor.dtype() == DType.U8 ? memory.get(ValueLayout.JAVA_BYTE, i) & 0xFF
                    : memory.getAtIndex(ValueLayout.JAVA_SHORT, i) & 0xFFFF;
        }
        return bits;
    }

    static void write(Tensor tensor, int[] bits) {
        MemorySegment memory = tensor.segment();
        if (tensor.dtype().bytes() == 4) {
            MemorySegment.copy(bits, 0, memory, ValueLayout.JAVA_INT, 0, bits.length);
            return;
        }
        for (int i = 0; i < bits.length; i++) {
            if (tensor.dtype() == DType.U8) {
                memory.set(ValueLayout.JAVA_BYTE, i, (byte) bits[i]);
            } else {
                memory.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) bits[i]);
            }
        }
    }

    /** A quiet NaN of a float type; -1 for integers. */
    static int nan(DType dtype) {
        return switch (dtype) {
            case F32 -> 0x7FC00000;
            case BF16 -> 0x7FC0;
            case F16 -> 0x7E00;
            case I32 -> -1;
            case U8 -> 0xFF;
        };
    }
}
