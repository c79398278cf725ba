package dev.smallbatch.core.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of this process and the few operations every vector kernel is written with. The width is the
 * machine's preferred one, or {@code -Dsmallbatch.vectorBits=128|256|512}.
 */
final class Lanes {
    static final VectorSpecies<Float> SPECIES = species();
    /** Floats per vector. */
    static final int COUNT = SPECIES.length();

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final VectorShuffle<Float> HALF = rotation(COUNT / 2);
    private static final VectorShuffle<Float> QUARTER = rotation(COUNT / 4);
    private static final VectorShuffle<Float> EIGHTH = rotation(COUNT / 8);
    private static final VectorShuffle<Float> SIXTEENTH = rotation(COUNT / 16);

    private Lanes() {}

    private static VectorSpecies<Float> species() {
        int bits = Integer.getInteger("smallbatch.vectorBits", VectorShape.preferredShape().vectorBitSize());
        return VectorSpecies.of(float.class, VectorShape.forBitSize(bits));
    }

    private static VectorShuffle<Float> rotation(int distance) {
        return VectorShuffle.iota(SPECIES, distance, 1, true);
    }

    /** The vector at float index {@code i} of a segment. */
    static FloatVector load(MemorySegment segment, long i) {
        return FloatVector.fromMemorySegment(SPECIES, segment, i << 2, ORDER);
    }

    /** As {@link #load}, lanes outside the mask being zero and not read. */
    static FloatVector load(MemorySegment segment, long i, VectorMask<Float> mask) {
        return FloatVector.fromMemorySegment(SPECIES, segment, i << 2, ORDER, mask);
    }

    static void store(FloatVector vector, MemorySegment segment, long i) {
        vector.intoMemorySegment(segment, i << 2, ORDER);
    }

    static void store(FloatVector vector, MemorySegment segment, long i, VectorMask<Float> mask) {
        vector.intoMemorySegment(segment, i << 2, ORDER, mask);
    }

    /** The first {@code count} lanes. */
    static VectorMask<Float> first(int count) {
        return SPECIES.indexInRange(0, count);
    }

    static FloatVector all(float value) {
        return FloatVector.broadcast(SPECIES, value);
    }

    /**
     * Sum of all lanes by halving, the same bits whether compiled or interpreted, which {@code reduceLanes} does not
     * promise.
     */
    static float sum(FloatVector v) {
        FloatVector s = v.add(v.rearrange(HALF));
        s = s.add(s.rearrange(QUARTER));
        if (COUNT >= 8) {
            s = s.add(s.rearrange(EIGHTH));
        }
        if (COUNT >= 16) {
            s = s.add(s.rearrange(SIXTEENTH));
        }
        return s.lane(0);
    }

    /** Largest lane; NaN if any lane is. */
    static float max(FloatVector v) {
        return v.reduceLanes(VectorOperators.MAX);
    }
}
