package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class MachineLoadTest {
    @Test
    void whatIsMeasuredOnABusyMachineIsDoubted() {
        assertEquals(Optional.of("the machine was busy: 1.5 programs computed in the last minute, on 2 processors; alone, training"
                + " may be faster than is said here"), new MachineLoad(1.5, 2).warning());
    }

    @Test
    void anIdleMachineIsNot() {
        assertEquals(Optional.empty(), new MachineLoad(0.3, 2).warning());
    }

    @Test
    void norOneThatDoesNotTell() {
        assertEquals(Optional.empty(), new MachineLoad(-1, 2).warning());
    }
}
