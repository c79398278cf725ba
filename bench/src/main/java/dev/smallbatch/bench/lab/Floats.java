package dev.smallbatch.bench.lab;

import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/** Floats in native memory, one by one and by vectors. */
final class Floats {
    static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    /** Floats per vector. */
    static final int LANES = SPECIES.length();

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private Floats() {}

    static float get(MemorySegment segment, long i) {
        return segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }

    static void set(MemorySegment segment, long i, float value) {
        segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }

    static FloatVector load(MemorySegment segment, long i) {
        return FloatVector.fromMemorySegment(SPECIES, segment, i << 2, ORDER);
    }

    static void store(FloatVector vector, MemorySegment segment, long i) {
        vector.intoMemorySegment(segment, i << 2, ORDER);
    }

    /** The first {@code count} lanes of a vector; the others are 0 and not read. */
    static FloatVector load(MemorySegment segment, long i, int count) {
        return FloatVector.fromMemorySegment(SPECIES, segment, i << 2, ORDER, first(count));
    }

    /** Stores the first {@code count} lanes. */
    static void store(FloatVector vector, MemorySegment segment, long i, int count) {
        vector.intoMemorySegment(segment, i << 2, ORDER, first(count));
    }

    static VectorMask<Float> first(int count) {
        return SPECIES.indexInRange(0, count);
    }

    static FloatVector all(float value) {
        return FloatVector.broadcast(SPECIES, value);
    }

    /** Makes every element NaN, which no version may leave. */
    static void spoil(Tensor tensor) {
        tensor.segment().fill((byte) 0xFF);
    }

    /** Fills with numbers uniform between {@code -bound} and {@code bound}. */
    static void fill(Tensor tensor, float bound, String name) {
        new Init.Uniform(bound).fill(tensor, RandomKey.of(1).fork(name));
    }
}
