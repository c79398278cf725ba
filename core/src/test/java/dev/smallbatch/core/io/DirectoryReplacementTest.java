package dev.smallbatch.core.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A directory is replaced as a whole, whatever interrupts it. Its three files all hold the version. */
class DirectoryReplacementTest {

    @TempDir
    Path dir;

    private Path target;

    @BeforeEach
    void name() {
        target = dir.resolve("checkpoint");
    }

    @Test
    void aNewDirectoryIsCreated() throws IOException {
        replace(target, "1");
        assertEquals("1", version(target));
        assertOnlyTheTargetIsThere();
    }

    @Test
    void anExistingDirectoryIsReplacedWithEverythingInIt() throws IOException {
        replace(target, "1");
        Files.writeString(target.resolve("stale"), "x");
        replace(target, "2");
        assertEquals("2", version(target));
        assertOnlyTheTargetIsThere();
    }

    @Test
    void aFailureKeepsTheOldDirectory() throws IOException {
        replace(target, "1");
        assertThrows(IOException.class, () -> AtomicFiles.replaceDirectory(target, inside -> {
            fill(inside, "2");
            throw new IOException("the cable was pulled");
        }));
        assertEquals("1", version(target));
        assertOnlyTheTargetIsThere();
    }

    @Test
    void aSymbolicLinkToADirectoryStaysOne() throws IOException {
        Path real = Files.createDirectory(dir.resolve("big-disk")).resolve("run");
        Path link = Files.createSymbolicLink(target, real);
        replace(link, "1");
        replace(link, "2");
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("2", version(real));
    }

    @Test
    void brokenOffAnywhereTheFirstDirectoryIsCompleteOrNotThere() throws IOException {
        int steps = 0;
        for (boolean brokenOff = true; brokenOff; steps++) {
            Path run = Files.createDirectory(dir.resolve("run" + steps));
            Path checkpoint = run.resolve("checkpoint");
            brokenOff = breakOff(steps, step -> AtomicFiles.replaceDirectory(checkpoint, inside -> fill(inside, "1"), step));
            AtomicFiles.recover(checkpoint);
            String message = "broken off after step " + steps;
            if (Files.exists(checkpoint)) {
                assertEquals("1", version(checkpoint), message);
            }
            assertEquals(Files.exists(checkpoint) ? 1 : 0, run.toFile().list().length, message);
        }
        assertTrue(steps >= 4, "steps " + steps);
    }

    @Test
    void brokenOffAnywhereAReplacementLeavesTheOldOrTheNewComplete() throws IOException {
        int steps = 0;
        boolean sawOld = false;
        boolean sawNew = false;
        for (boolean brokenOff = true; brokenOff; steps++) {
            Path checkpoint = Files.createDirectory(dir.resolve("run" + steps)).resolve("checkpoint");
            replace(checkpoint, "1");
            brokenOff = breakOff(steps, step -> AtomicFiles.replaceDirectory(checkpoint, inside -> fill(inside, "2"), step));
            String message = "broken off after step " + steps;
            String located = version(AtomicFiles.locate(checkpoint));
            assertTrue(located.equals("1") || located.equals("2"), message);
            AtomicFiles.recover(checkpoint);
            String recovered = version(checkpoint);
            assertTrue(recovered.equals("2") || located.equals("1") && recovered.equals("1"), message);
            assertEquals(1, checkpoint.getParent().toFile().list().length, message);
            sawOld |= recovered.equals("1");
            sawNew |= recovered.equals("2");
            assertFalse(sawNew && recovered.equals("1"), message);
        }
        assertTrue(sawOld && sawNew && steps >= 9, "steps " + steps);
    }

    @Test
    void aRecoveryBrokenOffAnywhereCanBeRepeated() throws IOException {
        // Before the third step there is nothing to finish, after the tenth nothing to clean.
        for (int first = 2; first < 10; first++) {
            boolean brokenOff = true;
            for (int second = 0; brokenOff; second++) {
                Path checkpoint = Files.createDirectory(dir.resolve("run" + first + "-" + second)).resolve("checkpoint");
                replace(checkpoint, "1");
                breakOff(first, step -> AtomicFiles.replaceDirectory(checkpoint, inside -> fill(inside, "2"), step));
                String before = version(AtomicFiles.locate(checkpoint));
                brokenOff = breakOff(second, step -> AtomicFiles.recover(checkpoint, step));
                version(AtomicFiles.locate(checkpoint));
                AtomicFiles.recover(checkpoint);
                String message = "broken off after steps " + first + " and " + second;
                assertTrue(version(checkpoint).compareTo(before) >= 0, message);
                assertEquals(1, checkpoint.getParent().toFile().list().length, message);
            }
        }
    }

    @Test
    void aReplacementRecoversWhatTheOneBeforeLeft() throws IOException {
        replace(target, "1");
        breakOff(3, step -> AtomicFiles.replaceDirectory(target, inside -> fill(inside, "2"), step));
        replace(target, "3");
        assertEquals("3", version(target));
        assertOnlyTheTargetIsThere();
    }

    @Test
    void anOldDirectoryAloneIsPutBack() throws IOException {
        fill(Files.createDirectory(dir.resolve("checkpoint.old")), "1");
        assertEquals(dir.resolve("checkpoint.old"), AtomicFiles.locate(target));
        AtomicFiles.recover(target);
        assertEquals("1", version(target));
        assertOnlyTheTargetIsThere();
    }

    @Test
    void recoveringChangesNothingWhereNothingWasInterrupted() throws IOException {
        AtomicFiles.recover(target);
        assertFalse(Files.exists(target));
        replace(target, "1");
        Files.createDirectory(dir.resolve("checkpoint.backup"));
        AtomicFiles.recover(target);
        assertEquals("1", version(target));
        assertTrue(Files.exists(dir.resolve("checkpoint.backup")));
    }

    @Test
    void locatingWhatIsNotThereIsRefused() {
        assertEquals(target + ": there is no such directory; check the path",
                assertThrows(IOException.class, () -> AtomicFiles.locate(target)).getMessage());
    }

    @Test
    void aProcessKilledWhileReplacingLeavesACompleteDirectory() throws Exception {
        int last = 0;
        for (int kill = 1; kill <= 3; kill++) {
            killAfter(13 * kill, last);
            AtomicFiles.recover(target);
            int version = Integer.parseInt(version(target));
            assertTrue(version >= last, "version " + version + " after kill " + kill + ", was " + last);
            assertOnlyTheTargetIsThere();
            last = version;
        }
        assertTrue(last > 0, "nothing was ever replaced");
    }

    /** Starts a process that replaces the target again and again, and kills it some time after it reported so many steps. */
    private void killAfter(int steps, int version) throws IOException, InterruptedException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process writer = new ProcessBuilder(java, "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"),
                Endless.class.getName(), target.toString(), "" + version).redirectErrorStream(true).start();
        try (BufferedReader output = writer.inputReader(StandardCharsets.UTF_8)) {
            for (int seen = 0; seen < steps;) {
                String line = output.readLine();
                assertNotNull(line, "the process ended by itself");
                seen += line.equals("step") ? 1 : 0;
            }
        } finally {
            writer.destroyForcibly().waitFor();
        }
    }

    /** Replaces one directory for ever, each time with the next version, and says so after every step. */
    static final class Endless {
        private Endless() {}

        public static void main(String[] arguments) throws IOException {
            for (int version = Integer.parseInt(arguments[1]) + 1;; version++) {
                String text = "" + version;
                AtomicFiles.replaceDirectory(Path.of(arguments[0]), inside -> fill(inside, text),
                        () -> System.out.println("step"));
            }
        }
    }

    private static void replace(Path directory, String version) throws IOException {
        AtomicFiles.replaceDirectory(directory, inside -> fill(inside, version));
    }

    private static void fill(Path directory, String version) throws IOException {
        Files.writeString(directory.resolve("model"), version);
        AtomicFiles.writeText(directory.resolve("optimizer"), version);
        Files.writeString(Files.createDirectory(directory.resolve("more")).resolve("state"), version);
    }

    /** The version of a directory, after making sure that it is complete. */
    private static String version(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            List<String> names = files.map(path -> directory.relativize(path).toString()).sorted().toList();
            assertEquals(List.of("", "model", "more", "more/state", "optimizer"), names);
        }
        String version = Files.readString(directory.resolve("model"));
        assertEquals(version, Files.readString(directory.resolve("optimizer")));
        assertEquals(version, Files.readString(directory.resolve("more").resolve("state")));
        return version;
    }

    private void assertOnlyTheTargetIsThere() throws IOException {
        try (var files = Files.list(dir)) {
            assertEquals(List.of(target), files.toList());
        }
    }

    /** Runs until so many changes to the disk were made, then stops as a killed process does: without cleaning up. */
    private static boolean breakOff(int afterSteps, Interrupted work) throws IOException {
        int[] left = {afterSteps};
        try {
            work.run(() -> {
                if (left[0]-- == 0) {
                    throw new Killed();
                }
            });
            return false;
        } catch (Killed killed) {
            return true;
        }
    }

    @FunctionalInterface
    private interface Interrupted {
        void run(Runnable step) throws IOException;
    }

    private static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }
}
