package dev.smallbatch.core.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {

    @TempDir
    Path dir;

    private Path file;

    @BeforeEach
    void aFileWithOldContent() throws IOException {
        file = Files.writeString(dir.resolve("state.json"), "old");
    }

    @Test
    void newContentReplacesTheOld() throws IOException {
        AtomicFiles.writeText(file, "né\n");
        assertEquals("né\n", Files.readString(file));
        assertOnlyTheFileIsThere();
    }

    @Test
    void aFileThatWasNotThereIsCreated() throws IOException {
        Files.delete(file);
        AtomicFiles.writeText(file, "new");
        assertEquals("new", Files.readString(file));
        assertOnlyTheFileIsThere();
    }

    @Test
    void theOldContentIsThereUntilTheNewIsComplete() throws IOException {
        AtomicFiles.write(file, channel -> {
            channel.write(ByteBuffer.wrap(new byte[] {'n'}));
            assertEquals("old", Files.readString(file));
        });
        assertEquals("n", Files.readString(file));
    }

    @Test
    void aFailureLeavesTheOldContentAndNothingElse() throws IOException {
        IOException failure = assertThrows(IOException.class, () -> AtomicFiles.write(file, channel -> {
            channel.write(ByteBuffer.wrap(new byte[] {'n'}));
            throw new IOException("the cable was pulled");
        }));
        assertEquals("writing " + file + ": the cable was pulled", failure.getMessage());
        assertEquals("old", Files.readString(file));
        assertOnlyTheFileIsThere();
    }

    @Test
    void aMistakeInTheCallerLeavesTheOldContentAndNothingElse() throws IOException {
        assertThrows(IllegalStateException.class, () -> AtomicFiles.write(file, channel -> {
            throw new IllegalStateException();
        }));
        assertEquals("old", Files.readString(file));
        assertOnlyTheFileIsThere();
    }

    @Test
    void aFullDiskIsExplained() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full), "no " + full);
        IOException failure = assertThrows(IOException.class, () -> AtomicFiles.write(file, channel -> {
            try (FileChannel device = FileChannel.open(full, StandardOpenOption.WRITE)) {
                device.write(ByteBuffer.wrap(new byte[] {'n'}));
            }
        }));
        assertEquals("writing " + file + ": the disk is full (No space left on device); free some space or write elsewhere;"
                + " what was there before is unchanged", failure.getMessage());
        assertEquals("old", Files.readString(file));
        assertOnlyTheFileIsThere();
    }

    @Test
    void aFullDiskIsExplainedForDirectoriesToo() throws IOException {
        Path target = Files.createDirectory(dir.resolve("checkpoint"));
        IOException failure = assertThrows(IOException.class, () -> AtomicFiles.replaceDirectory(target, inside -> {
            Files.writeString(inside.resolve("part"), "x");
            throw new IOException("No space left on device");
        }));
        assertTrue(failure.getMessage().startsWith("writing " + target + ": the disk is full"), failure.getMessage());
        assertTrue(Files.isDirectory(target));
        assertEquals(0, target.toFile().list().length);
        assertEquals(2, dir.toFile().list().length);
    }

    @Test
    void anUnwritableDirectoryIsExplained() throws IOException {
        Path made = Files.createDirectory(dir.resolve("closed"));
        made.toFile().setWritable(false);
        // The superuser may write there all the same, but no user creates files in /sys.
        Path closed = Files.isWritable(made) ? Path.of("/sys") : made;
        assumeTrue(Files.isDirectory(closed), "no directory that this user may not write to");
        IOException failure = assertThrows(IOException.class, () -> AtomicFiles.writeText(closed.resolve("a"), "x"));
        assertTrue(failure.getMessage().startsWith("writing " + closed.resolve("a") + ": no permission to write here"),
                failure.getMessage());
    }

    @Test
    void aRefusalOfTheSystemIsExplained() {
        IOException refusal = new AccessDeniedException("/run/a.tmp");
        assertEquals("writing a: no permission to write here (/run/a.tmp); change the permissions or write elsewhere",
                AtomicFiles.explained(Path.of("a"), refusal).getMessage());
    }

    @Test
    void aMissingDirectoryIsExplained() {
        Path path = dir.resolve("absent").resolve("a");
        String remedy = ": there is no directory " + dir.resolve("absent") + "; create it first";
        assertEquals("writing " + path + remedy,
                assertThrows(IOException.class, () -> AtomicFiles.writeText(path, "x")).getMessage());
        assertEquals("writing " + path + remedy,
                assertThrows(IOException.class, () -> AtomicFiles.replaceDirectory(path, inside -> {})).getMessage());
    }

    @Test
    void aDirectoryIsNotReplacedByAFileNorAFileByADirectory() throws IOException {
        Path directory = Files.createDirectory(dir.resolve("model"));
        assertEquals("writing " + directory + ": it is a directory; name a file",
                assertThrows(IOException.class, () -> AtomicFiles.writeText(directory, "x")).getMessage());
        assertEquals("writing " + file + ": it is a file; name a directory",
                assertThrows(IOException.class, () -> AtomicFiles.replaceDirectory(file, inside -> {})).getMessage());
    }

    @Test
    void aSymbolicLinkStaysOneAndItsTargetIsReplaced() throws IOException {
        assumeFalse(System.getProperty("os.name").startsWith("Windows"));
        Path elsewhere = Files.createDirectory(dir.resolve("elsewhere"));
        Path real = Files.writeString(elsewhere.resolve("real"), "old");
        Path link = Files.createSymbolicLink(dir.resolve("link"), Path.of("elsewhere", "real"));
        AtomicFiles.writeText(link, "new");
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("new", Files.readString(real));
    }

    @Test
    void aCircleOfLinksIsRefused() throws IOException {
        assumeFalse(System.getProperty("os.name").startsWith("Windows"));
        Path link = Files.createSymbolicLink(dir.resolve("link"), Path.of("link"));
        IOException failure = assertThrows(IOException.class, () -> AtomicFiles.writeText(link, "new"));
        assertEquals(link + ": more than 40 symbolic links; do they form a circle?", failure.getMessage());
    }

    private void assertOnlyTheFileIsThere() throws IOException {
        try (var files = Files.list(dir)) {
            assertEquals(List.of(file), files.toList());
        }
    }
}
