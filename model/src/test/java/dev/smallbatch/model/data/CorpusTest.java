package dev.smallbatch.model.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class CorpusTest {
    private static final byte[] BINARY = {'P', 'N', 'G', 0, 1, 2};
    private static final byte[] LATIN_1 = {'c', 'a', 'f', (byte) 0xE9, '.'};

    @TempDir
    Path directory;

    @Test
    void readsNamedFilesInTheOrderGiven() throws Exception {
        Path b = file("b.txt", "bee");
        Path a = file("a.txt", "ay");
        assertEquals(List.of("bee", "ay"), texts(Corpus.of(List.of(b, a), null)));
    }

    @Test
    void readsDirectoriesInOrderOfNamesAtAnyDepth() throws Exception {
        file("x/b.txt", "2");
        file("x/a/z.txt", "1");
        file("x/c", "3");
        assertEquals(List.of("1", "2", "3"), texts(Corpus.of(List.of(directory.resolve("x")), null)));
    }

    @Test
    void aGlobWithoutSlashIsForTheNameAndOneWithSlashForThePath() throws Exception {
        file("x/One.java", "1");
        file("x/p/Two.java", "2");
        file("x/p/three.txt", "3");
        List<Path> paths = List.of(directory.resolve("x"));
        assertEquals(List.of("1", "2"), texts(Corpus.of(paths, "*.java")));
        assertEquals(List.of("1", "2"), texts(Corpus.of(paths, "**.java")));
        assertEquals(List.of("2", "3"), texts(Corpus.of(paths, "p/*")));
    }

    @Test
    void readsArchivesLikeDirectoriesWhateverTheirNameIs() throws Exception {
        Path archive = zip("archive.bin", "p/Two.java", "2", "One.java", "1", "p/t.txt", "3");
        assertEquals(List.of("1", "2"), texts(Corpus.of(List.of(archive), "*.java")));
        List<String> names = new ArrayList<>();
        Corpus.of(List.of(archive), "p/**").read(chunk -> names.add(chunk.name()), done -> {});
        assertEquals(List.of(archive + "!/p/Two.java", archive + "!/p/t.txt"), names);
    }

    @Test
    void leavesOutHiddenFilesAndDirectories() throws Exception {
        file("x/.git/config", "no");
        file("x/.hidden", "no");
        file("x/seen", "yes");
        assertEquals(List.of("yes"), texts(Corpus.of(List.of(directory.resolve("x")), null)));
        Path archive = zip("a.zip", ".github/ci", "no", "p/.x", "no", "p/x", "yes");
        assertEquals(List.of("yes"), texts(Corpus.of(List.of(archive), null)));
    }

    @Test
    void skipsAndReportsBinaryAndEmptyFilesThatWereNotNamed() throws Exception {
        file("x/1", "text");
        Path image = Files.write(directory.resolve("x/2.png"), BINARY);
        Path latin = Files.write(directory.resolve("x/3"), LATIN_1);
        file("x/4", "");
        CorpusReport report = Corpus.of(List.of(directory.resolve("x")), null).read(chunk -> {}, done -> {});
        assertEquals(new CorpusReport(1, 4, 2, List.of(image.toString(), latin.toString()), 1), report);
        assertEquals("1 document, 4 bytes; 2 skipped as not UTF-8 text, such as " + image + "; 1 empty", report.summary());
    }

    @Test
    void dropsAByteOrderMark() throws Exception {
        assertEquals(List.of("x\uFEFF"), texts(Corpus.of(List.of(file("a", "\uFEFFx\uFEFF")), null)));
    }

    @Test
    void readingTwiceGivesTheSameAndProgressEndsAtTheTotal() throws Exception {
        file("x/a", "hello ");
        Files.write(directory.resolve("x/b"), BINARY);
        file("x/c", "world");
        Corpus corpus = Corpus.of(List.of(directory.resolve("x")), null);
        List<Long> done = new ArrayList<>();
        corpus.read(chunk -> {}, done::add);
        assertEquals(corpus.bytes(), done.getLast());
        assertEquals(done.stream().sorted().toList(), done);
        assertEquals(texts(corpus), texts(corpus));
    }

    @Test
    void theFingerprintChangesWithSizeTimeAndSelection() throws Exception {
        Path a = file("x/a.txt", "hello");
        file("x/b.md", "world");
        List<Path> paths = List.of(directory.resolve("x"));
        String before = Corpus.of(paths, null).fingerprint();
        assertEquals(before, Corpus.of(paths, null).fingerprint());
        assertNotEquals(before, Corpus.of(paths, "*.txt").fingerprint());
        Files.setLastModifiedTime(a, FileTime.fromMillis(1_000_000));
        String touched = Corpus.of(paths, null).fingerprint();
        assertNotEquals(before, touched);
        Files.writeString(a, "longer");
        Files.setLastModifiedTime(a, FileTime.fromMillis(1_000_000));
        assertNotEquals(touched, Corpus.of(paths, null).fingerprint());
    }

    @Test
    void reportsAMissingPath() {
        fails(() -> Corpus.of(List.of(directory.resolve("absent.txt")), null), "absent.txt does not exist");
    }

    @Test
    void reportsAFileThatMayNotBeRead() throws Exception {
        assumeTrue(directory.getFileSystem().supportedFileAttributeViews().contains("posix"), "no permissions here");
        Path secret = file("x/secret", "text");
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("---------"));
        assumeFalse(Files.isReadable(secret), "this user reads everything");
        fails(() -> Corpus.of(List.of(secret), null), "secret may not be read");
        fails(() -> Corpus.of(List.of(directory.resolve("x")), null), "secret may not be read");
    }

    @Test
    void reportsAFileThatHasGoneSinceItWasListed() throws Exception {
        Path file = file("gone.txt", "text");
        Path archive = zip("gone.zip", "a.txt", "1");
        Corpus files = Corpus.of(List.of(file), null);
        Corpus archives = Corpus.of(List.of(archive), null);
        Files.delete(file);
        Files.delete(archive);
        fails(() -> texts(files), "gone.txt was listed but cannot be opened");
        fails(() -> texts(archives), "gone.zip!/a.txt was listed but cannot be opened");
    }

    @Test
    void reportsWhatIsNeitherFileNorDirectory() {
        Path device = Path.of("/dev/null");
        assumeTrue(Files.exists(device) && !Files.isRegularFile(device), "no such device here");
        fails(() -> Corpus.of(List.of(device), null), "neither a file nor a directory");
    }

    @Test
    void reportsANamedFileThatIsEmpty() throws Exception {
        Corpus corpus = Corpus.of(List.of(file("empty.txt", "")), null);
        fails(() -> texts(corpus), "empty.txt is empty");
    }

    @Test
    void reportsANamedFileThatIsBinaryWithTheByte() throws Exception {
        Path file = Files.write(directory.resolve("image"), BINARY);
        fails(() -> texts(Corpus.of(List.of(file), null)), "image: byte 3: a zero byte: it is binary", "UTF-8");
    }

    @Test
    void reportsANamedFileInAnotherEncodingWithTheByte() throws Exception {
        Path file = Files.write(directory.resolve("latin"), LATIN_1);
        fails(() -> texts(Corpus.of(List.of(file), null)), "latin: byte 3: 0xE9 is not UTF-8", "convert");
        byte[] gzip = {0x1F, (byte) 0x8B, 8, 0};
        Path compressed = Files.write(directory.resolve("x.gz"), gzip);
        fails(() -> texts(Corpus.of(List.of(compressed), null)), "x.gz: byte 1: 0x8B is not UTF-8", "decompress");
    }

    @Test
    void reportsACharacterThatTheFileCutsOff() throws Exception {
        Path file = Files.write(directory.resolve("cut"), new byte[] {'a', (byte) 0xE2, (byte) 0x82});
        fails(() -> texts(Corpus.of(List.of(file), null)), "cut: byte 1: 0xE2 is not UTF-8");
    }

    @Test
    void reportsAFileThatProvesBinaryAfterPartOfItWasUsed() throws Exception {
        byte[] bytes = new byte[ChunkReader.CHUNK_BYTES + 1000];
        Arrays.fill(bytes, (byte) 'x');
        bytes[ChunkReader.CHUNK_BYTES + 500] = 0;
        Files.createDirectories(directory.resolve("x"));
        Files.write(directory.resolve("x/big"), bytes);
        fails(() -> texts(Corpus.of(List.of(directory.resolve("x")), null)), "big: byte " + (ChunkReader.CHUNK_BYTES + 500));
    }

    @Test
    void reportsADirectoryOrArchiveWithoutMatch() throws Exception {
        file("x/a.txt", "1");
        fails(() -> Corpus.of(List.of(directory.resolve("x")), "*.java"), "none of the 1 files in ", "matches \"*.java\"");
        Path archive = zip("a.zip", "a.txt", "1", "b.txt", "2");
        fails(() -> Corpus.of(List.of(archive), "*.java"), "none of the 2 files in ");
        Files.createDirectories(directory.resolve("empty"));
        fails(() -> Corpus.of(List.of(directory.resolve("empty")), null), "none of the 0 files in ");
    }

    @Test
    void reportsACorpusWithoutAnyText() throws Exception {
        file("x/empty", "");
        Files.write(directory.resolve("x/image"), BINARY);
        fails(() -> texts(Corpus.of(List.of(directory.resolve("x")), null)), "no text in 2 files, 1 empty and 1 not UTF-8");
    }

    @Test
    void reportsATruncatedArchive() throws Exception {
        Path archive = zip("a.zip", "a.txt", "some text that is long enough");
        byte[] bytes = Files.readAllBytes(archive);
        Files.write(archive, Arrays.copyOf(bytes, bytes.length / 2));
        fails(() -> Corpus.of(List.of(archive), null), "a.zip is damaged", "copy it again");
    }

    @Test
    void reportsAnArchiveEntryWhoseTextChanged() throws Exception {
        Path archive = zip("a.zip", "a.txt", "some text that is long enough, some text that is long enough");
        byte[] good = Files.readAllBytes(archive);
        int content = 30 + "a.txt".length();
        int called = 0;
        for (int i = 0; i < 20; i++) {
            byte[] bytes = good.clone();
            bytes[content + i] ^= 0x10;
            Files.write(archive, bytes);
            Corpus corpus = Corpus.of(List.of(archive), null);
            CorpusException e = assertThrows(CorpusException.class, () -> texts(corpus), "byte " + i);
            called += e.getMessage().contains("a.zip!/a.txt is damaged") ? 1 : 0;
        }
        // Damage that makes bytes which are not UTF-8 is skipped as binary, so here it is a corpus without text.
        assertTrue(called > 10, called + " of 20 changes were called damage");
    }

    @Test
    void reportsAGlobThatIsNone() {
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> Corpus.of(List.of(directory), "{*.java"));
        assertTrue(e.getMessage().contains("\"{*.java\" is not a glob"), e.getMessage());
    }

    @Test
    void needsAPath() {
        assertThrows(IllegalArgumentException.class, () -> Corpus.of(List.of(), null));
    }

    private Path file(String name, String text) throws IOException {
        Path file = directory.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private Path zip(String name, String... namesAndTexts) throws IOException {
        Path file = directory.resolve(name);
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            for (int i = 0; i < namesAndTexts.length; i += 2) {
                zip.putNextEntry(new ZipEntry(namesAndTexts[i]));
                zip.write(namesAndTexts[i + 1].getBytes(StandardCharsets.UTF_8));
                zip.closeEntry();
            }
        }
        return file;
    }

    private static List<String> texts(Corpus corpus) throws IOException {
        List<String> texts = new ArrayList<>();
        corpus.read(chunk -> texts.add(chunk.text()), done -> {});
        return texts;
    }

    private static void fails(Executable action, String... parts) {
        CorpusException e = assertThrows(CorpusException.class, action);
        for (String part : parts) {
            assertTrue(e.getMessage().contains(part), () -> "expected \"" + part + "\" in: " + e.getMessage());
        }
    }
}
