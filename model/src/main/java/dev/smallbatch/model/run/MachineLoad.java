package dev.smallbatch.model.run;

import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.Optional;

/**
 * How busy other programs keep the machine, on which a measured speed depends.
 *
 * @param average programs that computed at a time, over the last minute; negative if the system does not tell
 * @param processors of the machine
 */
public record MachineLoad(double average, int processors) {
    /** Part of the machine that makes no difference worth telling. */
    private static final double IDLE = 0.2;

    /** Of this machine, now. */
    public static MachineLoad now() {
        return new MachineLoad(ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
                Runtime.getRuntime().availableProcessors());
    }

    /** What to think of speeds that are measured now; empty if the machine is idle. */
    public Optional<String> warning() {
        return average <= IDLE * processors ? Optional.empty() : Optional.of(String.format(Locale.ROOT, "the machine was busy:"
                + " %.1f programs computed in the last minute, on %d processors; alone, training may be faster than is said here",
                average, processors));
    }
}
