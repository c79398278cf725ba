package dev.smallbatch.bench.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;

/** The most memory that this process ever had resident, as the system counts it: heap, native memory, JVM and all. */
final class PeakMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String FIELD = "VmHWM:";

    private PeakMemory() {}

    /** In MiB; empty where the system is not Linux. */
    static OptionalDouble mebibytes() {
        try {
            return Files.isReadable(STATUS) ? parse(Files.readAllLines(STATUS)) : OptionalDouble.empty();
        } catch (IOException e) {
            return OptionalDouble.empty();
        }
    }

    static OptionalDouble parse(Iterable<String> lines) {
        for (String line : lines) {
            if (line.startsWith(FIELD)) {
                String kibibytes = line.substring(FIELD.length()).strip().split("\\s+")[0];
                return OptionalDouble.of(Long.parseLong(kibibytes) / 1024.0);
            }
        }
        return OptionalDouble.empty();
    }
}
