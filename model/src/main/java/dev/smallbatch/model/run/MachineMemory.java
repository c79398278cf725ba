package dev.smallbatch.model.run;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import javax.management.JMException;
import javax.management.ObjectName;

/** What memory the machine or its container has left. */
public final class MachineMemory {
    private MachineMemory() {}

    /** Bytes that can still be had; empty if the system does not tell. */
    public static OptionalLong available() {
        OptionalLong total = totalOfContainer();
        OptionalLong free = freeOfLinux();
        if (total.isPresent() && free.isPresent()) {
            return OptionalLong.of(Math.min(total.getAsLong(), free.getAsLong()));
        }
        return free.isPresent() ? free : total;
    }

    /** What Linux could give without swapping. */
    private static OptionalLong freeOfLinux() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
                if (line.startsWith("MemAvailable:")) {
                    return OptionalLong.of(Long.parseLong(line.replaceAll("\\D", "")) << 10);
                }
            }
        } catch (IOException e) {
            return OptionalLong.empty();
        }
        return OptionalLong.empty();
    }

    /** Physical memory, or the limit of the container. */
    private static OptionalLong totalOfContainer() {
        try {
            Object bytes = ManagementFactory.getPlatformMBeanServer()
                    .getAttribute(new ObjectName(ManagementFactory.OPERATING_SYSTEM_MXBEAN_NAME), "TotalMemorySize");
            return bytes instanceof Long total && total > 0 ? OptionalLong.of(total) : OptionalLong.empty();
        } catch (JMException e) {
            return OptionalLong.empty();
        }
    }
}
