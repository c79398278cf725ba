package dev.smallbatch.core.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A region hands out memory from both ends. */
class RegionEndsTest {
    private static final Shape SMALL = Shape.of(3, 5);
    private static final long SMALL_BYTES = Region.bytesFor(DType.F32, SMALL);

    private final Region region = Region.create("test", 4096 + 17);

    @AfterEach
    void close() {
        region.close();
    }

    @Test
    void theEndsGrowTowardsEachOther() {
        Tensor front = region.allocate(DType.F32, SMALL);
        Tensor back = region.allocateAtBack(DType.F32, SMALL);
        long distance = back.segment().address() - front.segment().address();
        assertEquals(4096 - SMALL_BYTES, distance, "the last 17 bytes cannot be used");
        Tensor nextBack = region.allocateAtBack(DType.F32, Shape.of(33));
        assertEquals(back.segment().address() - Region.bytesFor(DType.F32, Shape.of(33)), nextBack.segment().address());
        assertEquals(0, nextBack.segment().address() % 64);
        assertFalse(back.overlaps(nextBack));
    }

    @Test
    void usedAndPeakCountBothEnds() {
        Region.Mark mark = region.mark();
        region.allocate(DType.F32, SMALL);
        region.allocateAtBack(DType.F32, SMALL);
        assertEquals(2 * SMALL_BYTES, region.used());
        region.release(mark);
        assertEquals(0, region.used());
        assertEquals(2 * SMALL_BYTES, region.peak());
    }

    @Test
    void theEndsMayMeetButNotCross() {
        region.allocate(DType.F32, Shape.of((2048 - 64) / 4));
        region.allocateAtBack(DType.F32, Shape.of((2048 - 64) / 4));
        assertThrows(IllegalStateException.class, () -> region.allocate(DType.F32, Shape.of(0)));
        assertThrows(IllegalStateException.class, () -> region.allocateAtBack(DType.F32, Shape.of(0)));
        assertEquals(4096, region.used());
    }

    @Test
    void releasingTheFrontLeavesTheBackAlone() {
        Region.Mark mark = region.mark();
        Tensor front = region.allocate(DType.F32, SMALL);
        Tensor back = region.allocateAtBack(DType.F32, Shape.of(1));
        back.copyFrom(new float[] {7});
        region.releaseFront(mark);
        assertEquals(7, back.getFlat(0));
        assertTrue(Float.isNaN(front.getFlat(0)));
        assertEquals(Region.bytesFor(DType.F32, Shape.of(1)), region.used());
    }

    @Test
    void roomThatTheFrontGaveBackGoesToEitherEnd() {
        Region.Mark mark = region.mark();
        region.allocate(DType.F32, Shape.of(4096 / 4 - 16));
        region.releaseFront(mark);
        region.allocateAtBack(DType.F32, Shape.of(4096 / 4 - 16));
        assertEquals(4096, region.peak());
    }

    @Test
    void releaseTakesBackBothEndsDownToTheMark() {
        Tensor kept = region.allocateAtBack(DType.F32, Shape.of(1));
        kept.copyFrom(new float[] {7});
        Region.Mark mark = region.mark();
        Tensor first = region.allocateAtBack(DType.F32, SMALL);
        Tensor second = region.allocateAtBack(DType.F32, SMALL);
        first.copyFrom(new float[15]);
        second.copyFrom(new float[15]);
        region.release(mark);
        assertEquals(Region.bytesFor(DType.F32, Shape.of(1)), region.used());
        assertEquals(7, kept.getFlat(0));
        assertTrue(Float.isNaN(first.getFlat(0)) && Float.isNaN(first.getFlat(14)));
        assertTrue(Float.isNaN(second.getFlat(0)) && Float.isNaN(second.getFlat(14)));
        assertEquals(first.segment().address(), region.allocateAtBack(DType.F32, SMALL).segment().address());
    }

    @Test
    void aMarkOfTheBackThatWasReleasedOverIsRefused() {
        Region.Mark early = region.mark();
        region.allocateAtBack(DType.F32, SMALL);
        Region.Mark late = region.mark();
        region.release(early);
        assertThrows(IllegalStateException.class, () -> region.release(late));
        region.allocateAtBack(DType.F32, Shape.of(200));
        assertThrows(IllegalStateException.class, () -> region.release(late));
        region.releaseFront(late);
    }

    @Test
    void releaseFindsAnOverwrittenCanaryAtTheBack() {
        Region.Mark mark = region.mark();
        Tensor last = region.allocateAtBack(DType.F32, Shape.of(16));
        region.allocateAtBack(DType.F32, Shape.of(16));
        long prefix = last.segment().address() - region.memory.address() - 64;
        float canary = region.memory.get(ValueLayout.JAVA_FLOAT, prefix);
        region.memory.set(ValueLayout.JAVA_FLOAT, prefix, 1);
        IllegalStateException found = assertThrows(IllegalStateException.class, () -> region.release(mark));
        assertEquals("region test: the bytes in front of block 0 at the back (offset 3968) were overwritten", found.getMessage());
        assertThrows(IllegalStateException.class, region::close);
        region.memory.set(ValueLayout.JAVA_FLOAT, prefix, canary);
    }

    @Test
    void aCountingRegionCountsBothEnds() {
        try (Region counting = Region.counting("plan")) {
            Region.Mark mark = counting.mark();
            counting.allocate(DType.F32, SMALL);
            counting.allocateAtBack(DType.F32, SMALL);
            counting.releaseFront(mark);
            counting.allocate(DType.F32, SMALL);
            assertEquals(2 * SMALL_BYTES, counting.peak());
        }
    }
}
