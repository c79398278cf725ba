package dev.smallbatch.core.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafeTensorsWriterTest {

    @TempDir
    Path dir;

    private final Region region = Region.create("safetensors", 1 << 20);

    @AfterEach
    void close() {
        region.close();
    }

    @Test
    void bytesAreLengthHeaderPaddingAndPayloadsInTheOrderGiven() throws IOException {
        SequencedMap<String, Tensor> tensors = ordered("z", floats(1, 2), "a", ints(7));
        byte[] bytes = written(tensors, texts("step", "3"));
        String json = "{\"__metadata__\":{\"step\":\"3\"},\"z\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                + "\"a\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
        int padded = (json.length() + 7) / 8 * 8;
        assertEquals(padded, bytes[0] & 0xFF);
        assertEquals(json + " ".repeat(padded - json.length()), new String(bytes, 8, padded, StandardCharsets.UTF_8));
        assertArrayEquals(new byte[] {0, 0, (byte) 0x80, 0x3F, 0, 0, 0, 0x40, 7, 0, 0, 0},
                Arrays.copyOfRange(bytes, 8 + padded, bytes.length));
    }

    @Test
    void payloadsBeginAtAMultipleOfEightForEveryNameLength() throws IOException {
        for (int length = 1; length <= 9; length++) {
            byte[] bytes = written(ordered("n".repeat(length), floats(1)), texts());
            assertEquals(0, (bytes.length - 4) % 8, "name of " + length);
        }
    }

    @Test
    void withoutMetadataThereIsNoEntryForIt() throws IOException {
        assertTrue(!new String(written(ordered("a", floats(1)), texts()), StandardCharsets.UTF_8).contains("__metadata__"));
    }

    @Test
    void saveLoadSaveGivesTheSameBytes() throws IOException {
        SequencedMap<String, Tensor> tensors = ordered("h.0.weight", floats(1, Float.NaN, -0f), "tokens", ints(1, -1),
                "half", region.allocate(DType.F16, Shape.of(3, 1)), "brain", region.allocate(DType.BF16, Shape.of(1, 5)),
                "none", region.allocate(DType.F32, Shape.of(0, 2)), "scalar", floats(5).reshape(Shape.of()));
        Path first = dir.resolve("first.safetensors");
        SafeTensorsWriter.write(first, tensors, texts("b", "é\n", "a", ""));
        assertSameAfterRewriting(first);
    }

    @Test
    void rewritingAFileOfTheReferenceWriterGivesTheSameBytes() throws IOException {
        Path reference = dir.resolve("reference.safetensors");
        try (InputStream in = SafeTensorsWriterTest.class.getResourceAsStream("reference.safetensors")) {
            Files.copy(in, reference);
        }
        assertSameAfterRewriting(reference);
    }

    private void assertSameAfterRewriting(Path first) throws IOException {
        Path second = dir.resolve("second.safetensors");
        try (SafeTensors file = SafeTensors.open(first)) {
            SequencedMap<String, Tensor> loaded = new LinkedHashMap<>();
            for (String name : file.header().entries().keySet()) {
                loaded.put(name, file.read(name, region));
            }
            SafeTensorsWriter.write(second, loaded, file.metadata());
        }
        assertEquals(-1, Files.mismatch(first, second));
    }

    @Test
    void anExistingFileIsReplacedAndNothingIsLeftBesideIt() throws IOException {
        Path path = dir.resolve("model.safetensors");
        SafeTensorsWriter.write(path, ordered("a", floats(1, 2, 3)), texts());
        SafeTensorsWriter.write(path, ordered("b", floats(4)), texts());
        try (SafeTensors file = SafeTensors.open(path)) {
            assertEquals(List.of("b"), List.copyOf(file.header().entries().keySet()));
            assertEquals(4f, file.read("b", region).get(0));
        }
        try (var files = Files.list(dir)) {
            assertEquals(List.of(path), files.toList());
        }
    }

    @Test
    void largePayloadsAreWrittenInPiecesAndShortWritesGoOn() throws IOException {
        Tensor tensor = floats(1, 2, 3, 4, 5);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SafeTensorsWriter.write(new Dribble(out), tensor.segment(), 8);
        assertArrayEquals(tensor.segment().toArray(ValueLayout.JAVA_BYTE), out.toByteArray());
    }

    @Test
    void theReservedNameIsRefusedAndNoFileIsMade() {
        Path path = dir.resolve("model.safetensors");
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class,
                () -> SafeTensorsWriter.write(path, ordered("__metadata__", floats(1)), texts()));
        assertEquals("safetensors: __metadata__ is the format's own name, rename the tensor", refused.getMessage());
        assertEquals(0, dir.toFile().list().length);
    }

    @Test
    void aTensorThatOnlyPlansMemoryIsRefusedAndNoFileIsMade() {
        Tensor planned = Region.counting("plan").allocate(DType.F32, Shape.of(3));
        assertThrows(IllegalStateException.class,
                () -> SafeTensorsWriter.write(dir.resolve("model.safetensors"), ordered("a", planned), texts()));
        assertEquals(0, dir.toFile().list().length);
    }

    @Test
    void aHeaderBeyondTheLimitIsRefused() throws IOException {
        SequencedMap<String, Tensor> tensors = ordered("a", floats(1));
        int length = "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}".length();
        SafeTensorsHeader.encode(tensors, texts(), length);
        IOException refused = assertThrows(IOException.class, () -> SafeTensorsHeader.encode(tensors, texts(), length - 1));
        assertEquals("safetensors: header of " + length + " bytes, at most " + (length - 1)
                + "; use shorter names or several files", refused.getMessage());
    }

    private static byte[] written(SequencedMap<String, Tensor> tensors, SequencedMap<String, String> metadata)
            throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SafeTensorsWriter.write(Channels.newChannel(out), tensors, metadata);
        return out.toByteArray();
    }

    private Tensor floats(float... values) {
        Tensor tensor = region.allocate(DType.F32, Shape.of(values.length));
        tensor.copyFrom(values);
        return tensor;
    }

    private Tensor ints(int... values) {
        Tensor tensor = region.allocate(DType.I32, Shape.of(values.length));
        tensor.copyFrom(values);
        return tensor;
    }

    static SequencedMap<String, Tensor> ordered(Object... namesAndTensors) {
        SequencedMap<String, Tensor> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndTensors.length; i += 2) {
            map.put((String) namesAndTensors[i], (Tensor) namesAndTensors[i + 1]);
        }
        return map;
    }

    static SequencedMap<String, String> texts(String... namesAndTexts) {
        SequencedMap<String, String> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndTexts.length; i += 2) {
            map.put(namesAndTexts[i], namesAndTexts[i + 1]);
        }
        return map;
    }

    /** Takes three bytes at a time, as a pipe may. */
    private record Dribble(ByteArrayOutputStream out) implements WritableByteChannel {
        @Override
        public int write(ByteBuffer source) {
            assertTrue(source.remaining() <= 8, "piece of " + source.remaining());
            int count = Math.min(3, source.remaining());
            for (int i = 0; i < count; i++) {
                out.write(source.get());
            }
            return count;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {}
    }
}
