package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ReplicasTest {
    @Test
    void oneDeviceNeverAccumulates() {
        assertFalse(new Replicas(1, 0.1, 0).justifyAccumulation());
        assertFalse(new Replicas(1, 0.1, 100).justifyAccumulation(), "there is nobody to exchange with");
    }

    @Test
    void severalAccumulateOnlyWhereTheirLinkIsTheBottleneck() {
        assertFalse(new Replicas(8, 0.1, 0.1).justifyAccumulation());
        assertTrue(new Replicas(8, 0.1, 0.35).justifyAccumulation());
    }

    @Test
    void asManyMicroBatchesAsTheExchangeTakes() {
        assertEquals(4, new Replicas(2, 0.1, 0.35).microBatches());
        assertEquals(1, new Replicas(2, 0.1, 0.05).microBatches());
    }

    @Test
    void timesMustBePositive() {
        assertThrows(IllegalArgumentException.class, () -> new Replicas(0, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> new Replicas(2, 0, 1));
        assertThrows(IllegalArgumentException.class, () -> new Replicas(2, 1, -1));
        assertThrows(IllegalArgumentException.class, () -> new Replicas(2, 1, Double.POSITIVE_INFINITY));
    }
}
