package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.spi.DynamicMap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Floats to the codes of a {@link DynamicMap} and back. Decoding looks up one number after the other. Encoding computes: within
 * a decade codes grow linearly, so that eight comparisons find the line, {@code w = A |y| + B}, and the integer part of w is
 * the code but for an offset. Lines end where a decade's last number does. What is so near a midpoint that rounding might have
 * moved it across, one number in two thousand, is looked up.
 */
final class DynamicCodes {
    private static final int L = Lanes.COUNT;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, Lanes.SPECIES.vectorShape());
    /** At least 64 bits, of which 128-bit floats fill half. */
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, Lanes.SPECIES.vectorBitSize() / 4)));
    private static final VectorMask<Byte> FIRST = BYTES.indexInRange(0, L);
    /** More than w can be off: it is at most 257, and its terms to a relative 3e-7. */
    private static final float NEAR = 0x1p-12f;
    /** Added and taken away again, it rounds to an integer. */
    private static final float TO_INTEGER = 0x1.8p23f;

    private final DynamicMap map;
    private final boolean preserveSign;
    private final float[] values = new float[DynamicMap.LAST + 1];
    /** Of the lines: where each begins, the last being that of the number 1 alone. */
    private final float[] above = new float[DynamicMap.DECADES + 1];
    private final float[] slope = new float[above.length];
    private final float[] height = new float[above.length];
    /** The line of 0. */
    private final float slopeOfZero;
    private final float heightOfZero;
    /** Code minus integer part, of what is not negative. */
    private final int offset;
    /** Of negative numbers: all ones if there are codes for them. */
    private final int mirrored;
    private final int leastOfNegative;

    DynamicCodes(DynamicMap map, boolean preserveSign) {
        this.map = map;
        this.preserveSign = preserveSign;
        boolean signed = map == DynamicMap.SIGNED;
        offset = signed ? 127 : -1;
        mirrored = signed ? -1 : 0;
        leastOfNegative = preserveSign ? 1 : 0;
        for (int code = 0; code < values.length; code++) {
            values[code] = map.value(code);
        }
        for (int d = 0; d < above.length; d++) {
            int first = 1 << d + (signed ? 0 : 1);
            above[d] = map.midpoint(offset + first - 1);
            slope[d] = d == DynamicMap.DECADES ? 0 : (float) (first * Math.pow(10, DynamicMap.DECADES - 1 - d) / 0.9);
            height[d] = d == DynamicMap.DECADES ? first + 0.5f : (float) (first * 0.8 / 0.9);
        }
        slopeOfZero = 0.5f / above[0];
        heightOfZero = signed ? 0.5f : 1.5f;
    }

    /** {@code to[toAt + i] = scale value(codes[from + i])} */
    void decode(MemorySegment to, long toAt, MemorySegment codes, long from, int count, float scale) {
        float[] table = values;
        for (long i = 0; i < count; i++) {
            float value = table[codes.get(ValueLayout.JAVA_BYTE, from + i) & 0xFF];
            to.set(ValueLayout.JAVA_FLOAT, toAt + i << 2, value * scale);
        }
    }

    /** {@code codes[to + i]} becomes that of {@code x[at + i] / scale}. */
    void encode(MemorySegment codes, long to, MemorySegment x, long at, int count, float scale) {
        for (int i = 0; i < count; i += Long.SIZE) {
            int some = Math.min(Long.SIZE, count - i);
            int whole = some & -L;
            long rest = (1L << some - whole) - 1 << whole;
            lookUp(codes, to + i, x, at + i, compute(codes, to + i, x, at + i, whole, scale) | rest, scale);
        }
    }

    /**
     * Encodes whole vectors, at most 64 numbers; a call within the loop would keep constants out of registers.
     *
     * @return a bit for each number that is too near a midpoint
     */
    private long compute(MemorySegment codes, long to, MemorySegment x, long at, int count, float scale) {
        long near = 0;
        for (int i = 0; i < count; i += L) {
            FloatVector y = Lanes.load(x, at + i).div(scale);
            IntVector negative = y.reinterpretAsInts().lanewise(VectorOperators.ASHR, 31);
            // Without codes for them, negative numbers become 0, else they lose their sign.
            FloatVector magnitude = y.reinterpretAsInts()
                    .lanewise(VectorOperators.AND_NOT, negative.and(Integer.MIN_VALUE | ~mirrored)).reinterpretAsFloats();
            FloatVector a = Lanes.all(slopeOfZero);
            FloatVector b = Lanes.all(heightOfZero);
            for (int d = 0; d <= DynamicMap.DECADES; d++) {
                VectorMask<Float> beyond = magnitude.compare(VectorOperators.GT, above[d]);
                a = a.blend(slope[d], beyond);
                b = b.blend(height[d], beyond);
            }
            FloatVector w = magnitude.fma(a, b);
            // The next decade begins at 2 * first, and b is first * 8 / 9.
            FloatVector end = b.fma(Lanes.all(2.25f), Lanes.all(-0.5f));
            IntVector steps = (IntVector) w.min(end).convert(VectorOperators.F2I, 0);
            IntVector mirror = negative.and(mirrored);
            IntVector code = steps.max(mirror.and(leastOfNegative)).lanewise(VectorOperators.XOR, mirror).sub(mirror)
                    .add(offset).max(0);
            ByteVector bytes = (ByteVector) code.convertShape(VectorOperators.I2B, BYTES, 0);
            if (L == BYTES.length()) {
                bytes.intoMemorySegment(codes, to + i, ORDER);
            } else {
                bytes.intoMemorySegment(codes, to + i, ORDER, FIRST);
            }
            FloatVector fromInteger = w.add(TO_INTEGER).sub(TO_INTEGER).sub(w).abs();
            VectorMask<Float> sure = fromInteger.compare(VectorOperators.GE, NEAR);
            near |= (~sure.toLong() & (1L << L) - 1) << i;
        }
        return near;
    }

    /** Encodes what has a bit in {@code which}. */
    private void lookUp(MemorySegment codes, long to, MemorySegment x, long at, long which, float scale) {
        for (long rest = which; rest != 0; rest &= rest - 1) {
            int lane = Long.numberOfTrailingZeros(rest);
            float y = x.get(ValueLayout.JAVA_FLOAT, at + lane << 2) / scale;
            codes.set(ValueLayout.JAVA_BYTE, to + lane, (byte) map.code(y, preserveSign));
        }
    }
}
