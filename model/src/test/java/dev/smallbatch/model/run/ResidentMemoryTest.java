package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the operating system says a training process holds, against the plan. */
class ResidentMemoryTest {
    /** For a program that trains and does nothing else; the command line takes {@link MemoryPlan#JVM_BYTES}. */
    private static final long JVM_BYTES = 112L << 20;
    private static final double TOLERANCE = 0.05;

    @Test
    void aTrainingProcessTakesWhatWasPlannedAndTheJvmsShare() throws Exception {
        assumeTrue(Files.isReadable(Path.of("/proc/self/status")), "needs Linux to say how much memory a process held at most");
        Path options = Path.of(System.getProperty("smallbatch.root"), "etc", "jvm.options");
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "@" + options,
                "-Xmx64m", "-cp", System.getProperty("java.class.path"), TrainingProcess.class.getName())
                .redirectErrorStream(true).start();
        List<String> output = process.inputReader().lines().toList();
        assertEquals(0, process.waitFor(), () -> String.join("\n", output));
        long resident = Long.parseLong(output.getLast().replaceFirst("^resident ", ""));
        long planned = MemoryPlan.of(TrainingProcess.CHOICE).memory().total();
        String numbers = "held " + mebibytes(resident) + ", planned " + mebibytes(planned) + " and " + mebibytes(JVM_BYTES)
                + " for the JVM";
        assertEquals(1, resident / (double) (planned + JVM_BYTES), TOLERANCE, numbers);
    }

    private static String mebibytes(long bytes) {
        return (bytes >> 20) + " MiB";
    }
}
