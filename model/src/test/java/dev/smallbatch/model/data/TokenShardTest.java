package dev.smallbatch.model.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenShardTest {
    @TempDir
    Path directory;
    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = directory.resolve("train.bin");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 256, 65_535, 65_536, 65_537, 200_000, Integer.MAX_VALUE})
    void givesBackWhatWasWritten(int vocabulary) throws Exception {
        int[] ids = ids(vocabulary, 700_001);
        write(vocabulary, ids);
        TokenShard shard = TokenShard.open(file);
        assertEquals(ids.length, shard.size());
        assertEquals(vocabulary, shard.vocabularySize());
        assertArrayEquals(ids, all(shard));
        assertEquals(64 + (vocabulary <= 65_536 ? 2L : 4L) * ids.length, Files.size(file));
        shard.verify();
    }

    @ParameterizedTest
    @ValueSource(ints = {1000, 100_000})
    void readsAcrossMappings(int vocabulary) throws Exception {
        int[] ids = ids(vocabulary, 10_000);
        write(vocabulary, ids);
        TokenShard shard = TokenShard.open(file, 1 << 10);
        assertArrayEquals(ids, all(shard));
        for (int from = 250; from < 520; from++) {
            int[] part = new int[700];
            shard.copy(from, part, 100, 600);
            assertArrayEquals(Arrays.copyOfRange(ids, from, from + 600), Arrays.copyOfRange(part, 100, 700));
        }
        assertEquals(ids[9_999], shard.get(9_999));
        shard.verify();
    }

    @Test
    void mayBeEmpty() throws Exception {
        write(10);
        assertEquals(0, TokenShard.open(file).size());
    }

    @Test
    void refusesPositionsThatAreNotThere() throws Exception {
        write(10, 1, 2, 3);
        TokenShard shard = TokenShard.open(file);
        assertThrows(IndexOutOfBoundsException.class, () -> shard.get(3));
        assertThrows(IndexOutOfBoundsException.class, () -> shard.get(-1));
        assertThrows(IndexOutOfBoundsException.class, () -> shard.copy(1, new int[9], 0, 3));
        assertThrows(IndexOutOfBoundsException.class, () -> shard.copy(0, new int[2], 0, 3));
    }

    @Test
    void theWriterRefusesTokensOutsideTheVocabulary() {
        for (int id : new int[] {-1, 10}) {
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> write(10, 5, id));
            assertTrue(e.getMessage().contains("token " + id + " at position 1 is outside the vocabulary of 10"), e.getMessage());
        }
        assertThrows(IllegalArgumentException.class, () -> write(0));
    }

    @Test
    void aFailureWhileWritingLeavesTheOldShardAndNothingElse() throws Exception {
        write(10, 1, 2, 3);
        assertThrows(IOException.class, () -> ShardWriter.write(file, 10, shard -> {
            shard.add(new int[5000], 0, 5000);
            throw new IOException("No space left on device");
        }));
        assertArrayEquals(new int[] {1, 2, 3}, all(TokenShard.open(file)));
        try (var files = Files.list(directory)) {
            assertEquals(List.of(file), files.toList());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1000, 100_000})
    void movesItsTailToAnotherShard(int vocabulary) throws Exception {
        int[] ids = ids(vocabulary, 900_000);
        Path other = directory.resolve("valid.bin");
        ShardWriter.write(file, vocabulary, training -> ShardWriter.write(other, vocabulary, validation -> {
            validation.add(7);
            training.add(ids, 0, 850_000);
            training.moveTail(600_000, validation);
            training.add(ids, 850_000, 50_000);
            validation.add(8);
        }));
        TokenShard training = TokenShard.open(file);
        TokenShard validation = TokenShard.open(other);
        training.verify();
        validation.verify();
        int[] kept = Arrays.copyOf(ids, 300_000);
        System.arraycopy(ids, 850_000, kept, 250_000, 50_000);
        assertArrayEquals(kept, all(training));
        int[] moved = new int[600_002];
        moved[0] = 7;
        System.arraycopy(ids, 250_000, moved, 1, 600_000);
        moved[600_001] = 8;
        assertArrayEquals(moved, all(validation));
    }

    @Test
    void cannotMoveMoreThanItHas() {
        assertThrows(IllegalArgumentException.class, () -> ShardWriter.write(file, 10, shard -> shard.moveTail(1, shard)));
    }

    @Test
    void reportsAMissingShard() {
        fails(() -> TokenShard.open(file), "train.bin: does not exist");
    }

    @Test
    void reportsAFileThatIsNoShard() throws Exception {
        Files.writeString(file, "this is a text of more than sixty-four bytes, but it is not a token shard at all");
        fails(() -> TokenShard.open(file), "train.bin: is not a token shard");
        Files.writeString(file, "SBTOKENS");
        fails(() -> TokenShard.open(file), "is not a token shard (8 bytes)");
        Files.write(file, new byte[0]);
        fails(() -> TokenShard.open(file), "is not a token shard (0 bytes)");
    }

    @Test
    void reportsANewerFormat() throws Exception {
        write(10, 1, 2, 3);
        patch(bytes -> bytes.putInt(8, 2));
        fails(() -> TokenShard.open(file), "format 2, this build reads 1..1", "newer build");
    }

    @Test
    void reportsADamagedHeaderWhicheverByteItIs() throws Exception {
        write(10, 1, 2, 3);
        byte[] good = Files.readAllBytes(file);
        for (int i = 0; i < 64; i++) {
            byte[] bad = good.clone();
            bad[i] ^= 0x40;
            Files.write(file, bad);
            assertThrows(ShardException.class, () -> TokenShard.open(file), "byte " + i);
        }
    }

    @Test
    void reportsAFileThatIsTruncatedOrTooLong() throws Exception {
        write(10, 1, 2, 3);
        byte[] good = Files.readAllBytes(file);
        for (int length : new int[] {64, 65, 66, 69, 71, 72}) {
            Files.write(file, Arrays.copyOf(good, length));
            fails(() -> TokenShard.open(file), "header says 3 tokens of 2 bytes, the file has " + (length - 64) + " bytes");
        }
    }

    @Test
    void findsChangedTokensWhenVerifying() throws Exception {
        write(10, 1, 2, 3);
        patch(bytes -> bytes.put(66, (byte) 4));
        TokenShard shard = TokenShard.open(file);
        fails(shard::verify, "checksum of its tokens differs");
    }

    @ParameterizedTest
    @ValueSource(ints = {300, 100_000})
    void reportsATokenOutsideTheVocabularyWhenReading(int vocabulary) throws Exception {
        write(vocabulary, 1, 2, 3);
        patch(bytes -> {
            if (vocabulary == 300) {
                bytes.putShort(66, (short) 0xFFFE);
            } else {
                bytes.putInt(68, -2);
            }
        });
        TokenShard shard = TokenShard.open(file);
        UncheckedIOException e = assertThrows(UncheckedIOException.class, () -> all(shard));
        String id = vocabulary == 300 ? "65534" : "-2";
        String expected = "token " + id + " at position 1 is outside the vocabulary of " + vocabulary;
        assertTrue(e.getCause().getMessage().contains(expected), e.getMessage());
    }

    private void write(int vocabulary, int... ids) throws IOException {
        ShardWriter.write(file, vocabulary, shard -> shard.add(ids, 0, ids.length));
    }

    private void patch(Consumer<ByteBuffer> change) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        change.accept(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
        Files.write(file, bytes);
    }

    private static int[] all(TokenShard shard) {
        int[] ids = new int[Math.toIntExact(shard.size())];
        shard.copy(0, ids, 0, ids.length);
        return ids;
    }

    private static int[] ids(int vocabulary, int count) {
        int[] ids = new Random(vocabulary).ints(count, 0, vocabulary).toArray();
        ids[0] = vocabulary - 1;
        return ids;
    }

    private static void fails(Executable action, String... parts) {
        ShardException e = assertThrows(ShardException.class, action);
        for (String part : parts) {
            assertTrue(e.getMessage().contains(part), () -> "expected \"" + part + "\" in: " + e.getMessage());
        }
    }
}
