package dev.smallbatch.core.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * BF16 in memory, F32 in registers: a BF16 number is the upper half of a float. Loops count in longs, which lets the compiler
 * check the bounds of both segments once for the whole loop: that makes them about twice as fast.
 */
final class Bf16 {
    private static final int L = Lanes.COUNT;
    private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, Lanes.SPECIES.vectorShape());
    private static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.SPECIES.vectorBitSize() / 2));
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    /** Just under half of the last bit, for rounding to nearest. */
    static final int HALF = 0x7FFF;
    private static final int INFINITY = 0x7F800000;
    private static final int QUIET = 0x400000;

    private Bf16() {}

    /** The L numbers at element {@code i} of a BF16 segment. */
    static FloatVector load(MemorySegment segment, long i) {
        IntVector bits = (IntVector) ShortVector.fromMemorySegment(SHORTS, segment, i << 1, ORDER)
                .convertShape(VectorOperators.S2I, INTS, 0);
        return bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    /** As {@link #load(MemorySegment, long)} of {@code count} numbers, the other lanes being zero. */
    static FloatVector load(MemorySegment segment, long i, int count) {
        IntVector bits = (IntVector) ShortVector.fromMemorySegment(SHORTS, segment, i << 1, ORDER, SHORTS.indexInRange(0, count))
                .convertShape(VectorOperators.S2I, INTS, 0);
        return bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    static float get(MemorySegment segment, long i) {
        return Float.intBitsToFloat(segment.get(ValueLayout.JAVA_SHORT, i << 1) << 16);
    }

    /** {@code to[toAt + i] = from[at + i]}, BF16 to F32. */
    static void widen(MemorySegment to, long toAt, MemorySegment from, long at, int count) {
        long i = 0;
        for (; i <= count - L; i += L) {
            Lanes.store(load(from, at + i), to, toAt + i);
        }
        for (; i < count; i++) {
            to.set(ValueLayout.JAVA_FLOAT, toAt + i << 2, get(from, at + i));
        }
    }

    /** {@code to[toAt + i] += from[at + i]}, BF16 to F32. */
    static void add(MemorySegment to, long toAt, MemorySegment from, long at, int count) {
        long i = 0;
        for (; i <= count - L; i += L) {
            Lanes.store(Lanes.load(to, toAt + i).add(load(from, at + i)), to, toAt + i);
        }
        for (; i < count; i++) {
            to.set(ValueLayout.JAVA_FLOAT, toAt + i << 2, to.get(ValueLayout.JAVA_FLOAT, toAt + i << 2) + get(from, at + i));
        }
    }

    /** {@code sum of a[aAt + i] b[bAt + i]}, F32 times BF16. */
    static float dot(MemorySegment a, long aAt, MemorySegment b, long bAt, int count) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i + L <= count; i += L) {
            sum = Lanes.load(a, aAt + i).fma(load(b, bAt + i), sum);
        }
        if (i == count) {
            return Lanes.sum(sum);
        }
        return Lanes.sum(Lanes.load(a, aAt + i, Lanes.first(count - i)).fma(load(b, bAt + i, count - i), sum));
    }

    /**
     * {@code to[toAt + i]} is the upper half of the bits of {@code from[at + i]} plus {@code noise[i]}, F32 to BF16; infinity
     * and NaN get nothing added.
     *
     * @param tie added where the upper half is odd: 1 with {@link #HALF} for all noise rounds to nearest even; 0 with random
     *     noise
     */
    static void round(MemorySegment to, long toAt, MemorySegment from, long at, int count, int[] noise, int tie) {
        long i = 0;
        for (; i <= count - L; i += L) {
            IntVector bits = Lanes.load(from, at + i).reinterpretAsInts();
            IntVector magnitude = bits.and(0x7FFFFFFF);
            IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(tie);
            IntVector rounded = bits.add(IntVector.fromArray(INTS, noise, (int) i)).add(odd);
            rounded = bits.blend(rounded, magnitude.compare(VectorOperators.LT, INFINITY));
            rounded = rounded.blend(bits.or(QUIET), magnitude.compare(VectorOperators.GT, INFINITY));
            ShortVector upper = (ShortVector) rounded.lanewise(VectorOperators.LSHR, 16)
                    .convertShape(VectorOperators.I2S, SHORTS, 0);
            upper.intoMemorySegment(to, toAt + i << 1, ORDER);
        }
        for (; i < count; i++) {
            int bits = from.get(ValueLayout.JAVA_INT, at + i << 2);
            int magnitude = bits & 0x7FFFFFFF;
            int added = magnitude < INFINITY ? noise[(int) i] + (bits >>> 16 & tie) : 0;
            int quieted = magnitude > INFINITY ? bits | QUIET : bits + added;
            to.set(ValueLayout.JAVA_SHORT, toAt + i << 1, (short) (quieted >>> 16));
        }
    }
}
