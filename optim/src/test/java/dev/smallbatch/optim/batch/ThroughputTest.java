package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class ThroughputTest {
    private static final List<Throughput> MEASURED = List.of(new Throughput(8, 1005), new Throughput(1, 600),
            new Throughput(4, 990), new Throughput(2, 949), new Throughput(16, 1000));

    @Test
    void theSmallestBatchWithNinetyFivePercentOfTheBestIsChosen() {
        assertEquals(new Throughput(4, 990), Throughput.smallestFast(MEASURED));
    }

    @Test
    void theShareCanBeChosen() {
        assertEquals(1, Throughput.smallestFast(MEASURED, 0.5).batchSize());
        assertEquals(2, Throughput.smallestFast(MEASURED, 0.94).batchSize());
        assertEquals(8, Throughput.smallestFast(MEASURED, 1).batchSize());
    }

    @Test
    void whereBatchSizeOneKeepsTheMachineBusyItIsChosen() {
        assertEquals(1, Throughput.smallestFast(List.of(new Throughput(1, 96), new Throughput(2, 100))).batchSize());
    }

    @Test
    void whereLargerIsSlowerTheBestCounts() {
        assertEquals(2, Throughput.smallestFast(List.of(new Throughput(1, 50), new Throughput(2, 100), new Throughput(4, 60)))
                .batchSize());
    }

    @Test
    void withoutMeasurementsThereIsNoChoice() {
        assertThrows(IllegalArgumentException.class, () -> Throughput.smallestFast(List.of()));
    }

    @Test
    void whatIsNoSpeedOrNoShareIsRefused() {
        for (double speed : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> new Throughput(1, speed), "speed " + speed);
        }
        assertThrows(IllegalArgumentException.class, () -> new Throughput(0, 1));
        assertThrows(IllegalArgumentException.class, () -> Throughput.smallestFast(MEASURED, 1.01));
    }
}
