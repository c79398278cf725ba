package dev.smallbatch.optim.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.tck.LeakCheck;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints of a process that is killed or runs out of disk. */
@ExtendWith(LeakCheck.class)
class CheckpointCrashTest {
    private static final int KILLS = 8;

    @TempDir
    Path folder;

    @Test
    void aProcessKilledAtAnyMomentLeavesACheckpointThatLoads() throws Exception {
        Path directory = folder.resolve("checkpoint");
        long step = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            Process process = SavingProcess.start("", directory, step + 1, Long.MAX_VALUE);
            long said = step;
            try (BufferedReader output = SavingProcess.output(process)) {
                long took = 0;
                for (int line = 0; line < 3; line++) {
                    long before = System.nanoTime();
                    said = Long.parseLong(output.readLine().substring("saved ".length()));
                    took = System.nanoTime() - before;
                }
                // Each time a bit further into the next save, which takes about as long as the last.
                long until = System.nanoTime() + took * kill / KILLS;
                while (System.nanoTime() < until) {
                    Thread.onSpinWait();
                }
                process.destroyForcibly().waitFor();
            }
            long loaded = load(directory);
            assertTrue(loaded >= said, "kill " + kill + ": step " + said + " was saved, step " + loaded + " was loaded");
            step = loaded;
        }
    }

    @Test
    void aFullDiskIsOneClearErrorAndTheOldCheckpointStays() throws Exception {
        assumeTrue(File.separatorChar == '/' && Files.isExecutable(Path.of("/bin/bash")), "needs a shell to limit file sizes");
        Path directory = folder.resolve("checkpoint");
        try (Region region = SavingProcess.region()) {
            Optimizer optimizer = SavingProcess.optimizer(region);
            SavingProcess.set(optimizer, 1);
            SavingProcess.store(directory).save(1, 0, optimizer);
        }
        // No file above 200 KiB can be written; the tensors take 400.
        Process process = SavingProcess.start("ulimit -f 200", directory, 2, 2);
        String said;
        try (BufferedReader output = SavingProcess.output(process)) {
            said = output.lines().collect(Collectors.joining("\n"));
        }
        assertEquals(0, process.waitFor(), said);
        String start = "checkpoint " + directory + ": step 2 cannot be saved, the checkpoint before it is unchanged: ";
        assertTrue(said.startsWith(start), said);
        assertTrue(said.contains("model.safetensors"), said);
        assertEquals(1, said.lines().count(), said);
        assertEquals(1, load(directory));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(1, files.count(), "nothing is left beside the checkpoint");
        }
    }

    /** The step of the checkpoint, after a look at every number in it. */
    private static long load(Path directory) throws IOException {
        try (Region region = SavingProcess.region()) {
            Optimizer optimizer = SavingProcess.optimizer(region);
            long step = SavingProcess.store(directory).load(optimizer).step();
            assertTrue(SavingProcess.isAllOf(optimizer.parameters().getFirst().value(), step), "weights of step " + step);
            assertTrue(SavingProcess.isAllOf(optimizer.state().firstEntry().getValue(), step), "state of step " + step);
            return step;
        }
    }
}
