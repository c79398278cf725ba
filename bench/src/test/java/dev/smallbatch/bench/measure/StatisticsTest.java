package dev.smallbatch.bench.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class StatisticsTest {
    @Test
    void theMedianOfAnOddCountIsTheMiddleValue() {
        assertEquals(3, Statistics.median(List.of(9.0, 1.0, 3.0)));
    }

    @Test
    void theMedianOfAnEvenCountLiesBetweenTheMiddleTwo() {
        assertEquals(2.5, Statistics.median(List.of(4.0, 1.0, 2.0, 3.0)));
    }

    @Test
    void twiceAsFastAndHalfAsFastAreEquallyFastInTheGeometricMean() {
        assertEquals(1, Statistics.geometricMean(List.of(2.0, 0.5)), 1e-15);
    }

    @Test
    void theGeometricMeanIsTheRootOfTheProduct() {
        assertEquals(6, Statistics.geometricMean(List.of(3.0, 6.0, 12.0)), 1e-14);
    }

    @Test
    void thereIsNoGeometricMeanOfZeroAndNoMedianOfNothing() {
        assertThrows(IllegalArgumentException.class, () -> Statistics.geometricMean(List.of(1.0, 0.0)));
        assertThrows(IllegalArgumentException.class, () -> Statistics.median(List.of()));
    }
}
