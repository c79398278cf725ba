package dev.smallbatch.core.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RegionTest {
    private static final Shape SMALL = Shape.of(3, 5);

    private final Region region = Region.create("test", 4096);

    @AfterEach
    void close() {
        region.close();
    }

    @Test
    void aTensorCostsItsPrefixAndItsBytesRoundedUpToSixtyFour() {
        assertEquals(64, Region.bytesFor(DType.F32, Shape.of(0)));
        assertEquals(128, Region.bytesFor(DType.F32, Shape.of(1)));
        assertEquals(128, Region.bytesFor(DType.F32, Shape.of(16)));
        assertEquals(192, Region.bytesFor(DType.F32, Shape.of(17)));
        assertEquals(128, Region.bytesFor(DType.BF16, Shape.of(32)));
    }

    @Test
    void usedGrowsByTheCostOfEveryTensor() {
        region.allocate(DType.F32, SMALL);
        region.allocate(DType.I32, Shape.of(17));
        assertEquals(Region.bytesFor(DType.F32, SMALL) + Region.bytesFor(DType.I32, Shape.of(17)), region.used());
    }

    @Test
    void everyTensorIsAlignedToSixtyFourBytes() {
        for (int i = 1; i < 8; i++) {
            Tensor tensor = region.allocate(DType.F32, Shape.of(i));
            assertEquals(0, tensor.segment().address() % 64, "tensor " + i);
        }
    }

    @Test
    void tensorsDoNotOverlap() {
        Tensor a = region.allocate(DType.F32, SMALL);
        Tensor b = region.allocate(DType.F32, SMALL);
        assertFalse(a.overlaps(b));
        assertEquals(SMALL.numel() * 4, a.segment().byteSize());
    }

    @Test
    void theWholeCapacityCanBeHandedOut() {
        region.allocate(DType.F32, Shape.of((4096 - 64) / 4));
        assertEquals(region.capacity(), region.used());
    }

    @Test
    void tooLargeARequestNamesRegionTensorAndBothSizes() {
        try (Region big = Region.create("step", 3 << 20)) {
            big.allocate(DType.F32, Shape.of(1 << 18));
            IllegalStateException refused = assertThrows(IllegalStateException.class,
                    () -> big.allocate(DType.F32, Shape.of(2, 1 << 18)));
            assertEquals("region step: 2.0 MiB requested for F32 (2, 262144), 2.0 MiB free of 3.0 MiB", refused.getMessage());
            assertEquals(Region.bytesFor(DType.F32, Shape.of(1 << 18)), big.used(), "a refusal takes nothing");
        }
    }

    @Test
    void sizesThatOverflowAreRefused() {
        ShapeException refused = assertThrows(ShapeException.class,
                () -> region.allocate(DType.F32, Shape.of(Long.MAX_VALUE / 4)));
        assertEquals("shape (2305843009213693951) of F32: more than 2^63 bytes", refused.getMessage());
    }

    @Test
    void negativeCapacityIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Region.create("test", -1));
    }

    @Test
    void releaseTakesBackWhatCameAfterTheMark() {
        region.allocate(DType.F32, SMALL);
        long before = region.used();
        Region.Mark mark = region.mark();
        region.allocate(DType.F32, SMALL);
        region.release(mark);
        assertEquals(before, region.used());
    }

    @Test
    void theSameAllocationsAfterAReleaseHaveTheSameAddresses() {
        Region.Mark mark = region.mark();
        long first = region.allocate(DType.F32, SMALL).segment().address();
        region.release(mark);
        assertEquals(first, region.allocate(DType.F32, SMALL).segment().address());
    }

    @Test
    void aMarkCanBeReleasedEveryStep() {
        Region.Mark mark = region.mark();
        for (int step = 0; step < 3; step++) {
            region.allocate(DType.F32, SMALL);
            region.release(mark);
        }
        assertEquals(0, region.used());
    }

    @Test
    void peakRemembersTheLargestFillLevel() {
        Region.Mark mark = region.mark();
        region.allocate(DType.F32, Shape.of(100));
        long peak = region.used();
        region.release(mark);
        region.allocate(DType.F32, Shape.of(1));
        assertEquals(peak, region.peak());
    }

    @Test
    void aMarkTakenAfterAnEarlierOneThatWasReleasedIsRefused() {
        Region.Mark early = region.mark();
        region.allocate(DType.F32, SMALL);
        Region.Mark late = region.mark();
        region.release(early);
        IllegalStateException refused = assertThrows(IllegalStateException.class, () -> region.release(late));
        assertEquals("region test: released a mark that is not on its stack", refused.getMessage());
    }

    @Test
    void aStaleMarkInsideALaterBlockIsRefused() {
        Region.Mark early = region.mark();
        region.allocate(DType.F32, Shape.of(1));
        Region.Mark late = region.mark();
        region.release(early);
        region.allocate(DType.F32, Shape.of(200));
        assertThrows(IllegalStateException.class, () -> region.release(late));
    }

    @Test
    void aMarkOfAnotherRegionIsRefused() {
        try (Region other = Region.create("other", 64)) {
            Region.Mark mark = other.mark();
            assertThrows(IllegalStateException.class, () -> region.release(mark));
        }
    }

    @Test
    void freshMemoryIsNaNWithAssertionsOn() {
        for (float value : region.allocate(DType.F32, SMALL).toFloatArray()) {
            assertTrue(Float.isNaN(value));
        }
        assertEquals(-1f, region.allocate(DType.I32, SMALL).getFlat(0));
        assertTrue(Float.isNaN(region.allocate(DType.BF16, SMALL).getFlat(0)));
    }

    @Test
    void releasedMemoryIsNaNAgain() {
        Region.Mark mark = region.mark();
        Tensor tensor = region.allocate(DType.F32, Shape.of(2));
        tensor.copyFrom(new float[] {1, 2});
        region.release(mark);
        assertTrue(Float.isNaN(tensor.getFlat(0)));
        assertTrue(Float.isNaN(tensor.getFlat(1)));
    }

    @Test
    void releaseFindsAnOverwrittenCanary() {
        Region.Mark mark = region.mark();
        region.allocate(DType.F32, Shape.of(16));
        region.allocate(DType.F32, Shape.of(16));
        long beyondFirst = 64 + 16 * 4;
        float canary = region.memory.get(ValueLayout.JAVA_FLOAT, beyondFirst);
        region.memory.set(ValueLayout.JAVA_FLOAT, beyondFirst, 1);
        IllegalStateException found = assertThrows(IllegalStateException.class, () -> region.release(mark));
        assertEquals("region test: the bytes in front of block 1 (offset 128) were overwritten", found.getMessage());
        assertThrows(IllegalStateException.class, region::close);
        region.memory.set(ValueLayout.JAVA_FLOAT, beyondFirst, canary);
    }

    @Test
    void theLastHalfOfThePrefixBelongsToPlugIns() {
        Region.Mark mark = region.mark();
        region.allocate(DType.F32, SMALL);
        region.memory.asSlice(32, 32).fill((byte) 7);
        region.release(mark);
        assertEquals(0, region.used());
    }

    @Test
    void aClosedRegionHandsOutNothing() {
        Region.Mark mark = region.mark();
        region.close();
        assertFalse(region.isOpen());
        IllegalStateException refused = assertThrows(IllegalStateException.class, () -> region.allocate(DType.F32, SMALL));
        assertEquals("region test is closed", refused.getMessage());
        assertThrows(IllegalStateException.class, region::mark);
        assertThrows(IllegalStateException.class, () -> region.release(mark));
    }

    @Test
    void tensorsOfAClosedRegionFailLoudly() {
        Tensor tensor = region.allocate(DType.F32, SMALL);
        region.close();
        assertFalse(tensor.isAlive());
        assertThrows(IllegalStateException.class, () -> tensor.getFlat(0));
        assertThrows(IllegalStateException.class, tensor::toFloatArray);
    }

    @Test
    void closingTwiceDoesNothing() {
        region.close();
        region.close();
        assertFalse(region.isOpen());
    }

    @Test
    void aCountingRegionCountsAndReservesNothing() {
        long allocations = MemoryStats.nativeAllocations();
        try (Region counting = Region.counting("plan")) {
            Region.Mark mark = counting.mark();
            Tensor planned = counting.allocate(DType.F32, Shape.of(1L << 40));
            assertTrue(planned.isPlanned());
            assertTrue(counting.isCounting());
            assertEquals(Region.bytesFor(DType.F32, Shape.of(1L << 40)), counting.used());
            counting.release(mark);
            assertEquals(0, counting.used());
            assertEquals((1L << 42) + 64, counting.peak());
        }
        assertEquals(allocations, MemoryStats.nativeAllocations());
    }

    @Test
    void statisticsFollowOpeningAndClosing() {
        long allocations = MemoryStats.nativeAllocations();
        long live = MemoryStats.liveBytes();
        Region other = Region.create("other", 1000);
        assertEquals(allocations + 1, MemoryStats.nativeAllocations());
        assertEquals(live + 1000, MemoryStats.liveBytes());
        assertTrue(isListedOpen("region other was created here"));
        other.close();
        assertEquals(live, MemoryStats.liveBytes());
        assertFalse(isListedOpen("region other was created here"));
    }

    private static boolean isListedOpen(String message) {
        return MemoryStats.openRegions().stream().anyMatch(stack -> stack.getMessage().equals(message));
    }
}
