package dev.smallbatch.core.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.smallbatch.core.tensor.BFloat16;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reading what the reference implementation wrote (tools/golden/safetensors_sample.py): element i of a tensor is i - 3. */
class SafeTensorsTest {
    private static final String ODD_NAME = "naïve \"名\" \t";

    @TempDir
    Path dir;

    private final Region region = Region.create("safetensors", 1 << 20);

    @AfterEach
    void close() {
        region.close();
    }

    @Test
    void headerListsNamesTypesShapesAndMetadata() throws IOException {
        try (SafeTensors file = open("reference.safetensors")) {
            assertEquals(Map.of("made by", "safetensors \"0.8\" ✓"), file.metadata());
            assertEquals(7, file.header().entries().size());
            SafeTensorsHeader.Entry entry = file.header().entry("f16");
            assertEquals("F16", entry.dtype());
            assertEquals(List.of(3L, 1L, 3L), entry.shape());
            assertEquals(18, entry.bytes());
            assertTrue(file.contains(ODD_NAME));
            assertFalse(file.contains("absent"));
        }
    }

    @Test
    void everyHeldTypeIsReadIntoItsOwnType() throws IOException {
        try (SafeTensors file = open("reference.safetensors")) {
            for (String name : file.header().entries().keySet()) {
                assertRamp(name, file.read(name, region));
            }
            assertEquals(DType.BF16, file.read("bf16", region).dtype());
            assertEquals(Shape.of(2, 2, 2, 2), file.read("i32", region).shape());
            assertEquals(Shape.of(), file.read("scalar", region).shape());
            assertEquals(0, file.read("empty", region).numel());
        }
    }

    @Test
    void unsignedBytesAreReadAndWrittenAsTheyAre() throws IOException {
        try (SafeTensors file = open("all-types.safetensors")) {
            Tensor codes = file.read("u8", region);
            assertEquals(DType.U8, codes.dtype());
            Path path = dir.resolve("codes.safetensors");
            SafeTensorsWriter.write(path, SafeTensorsWriterTest.ordered("u8", codes), SafeTensorsWriterTest.texts());
            try (SafeTensors copy = SafeTensors.open(path)) {
                assertArrayEquals(file.bytes("u8"), copy.bytes("u8"));
                assertEquals(file.bytes("u8")[0] & 0xFF, codes.getFlat(0));
            }
        }
    }

    @Test
    void halfTypesWidenToFloatExactly() throws IOException {
        try (SafeTensors file = open("reference.safetensors")) {
            Tensor bf16 = region.allocate(DType.F32, Shape.of(5));
            Tensor f16 = region.allocate(DType.F32, Shape.of(3, 1, 3));
            file.read("bf16", bf16);
            file.read("f16", f16);
            assertRamp("bf16", bf16);
            assertRamp("f16", f16);
        }
    }

    @Test
    void everyHalfPatternWidensAsTheTypeSays() throws IOException {
        for (DType type : new DType[] {DType.BF16, DType.F16}) {
            Tensor all = region.allocate(type, Shape.of(65536));
            for (int bits = 0; bits < 65536; bits++) {
                all.segment().setAtIndex(ValueLayout.JAVA_SHORT, bits, (short) bits);
            }
            Path path = dir.resolve(type + ".safetensors");
            SafeTensorsWriter.write(path, SafeTensorsWriterTest.ordered("all", all), SafeTensorsWriterTest.texts());
            Tensor wide = region.allocate(DType.F32, Shape.of(65536));
            try (SafeTensors file = SafeTensors.open(path)) {
                file.read("all", wide);
            }
            for (int bits = 0; bits < 65536; bits++) {
                float expected = type == DType.F16 ? Float.float16ToFloat((short) bits) : Float.intBitsToFloat(bits << 16);
                assertEquals(Float.floatToIntBits(expected), Float.floatToIntBits(wide.getFlat(bits)), type + " " + bits);
            }
        }
    }

    @Test
    void reducedTypesAreNeverMadeFromWiderOnes() throws IOException {
        try (SafeTensors file = open("reference.safetensors")) {
            assertRefused(file, "f32", region.allocate(DType.BF16, Shape.of(2, 3)),
                    "tensor \"f32\" is stored as F32, wanted as BF16; read it as F32");
            assertRefused(file, "i32", region.allocate(DType.F32, Shape.of(2, 2, 2, 2)),
                    "tensor \"i32\" is stored as I32, wanted as F32; read it as I32");
            assertRefused(file, "bf16", region.allocate(DType.F16, Shape.of(5)),
                    "tensor \"bf16\" is stored as BF16, wanted as F16; read it as BF16");
        }
    }

    /** More elements than are read at a time. */
    @Test
    void floatsAreRoundedToTheNearestWhereThatIsAskedFor() throws IOException {
        int count = 40_000;
        Tensor floats = region.allocate(DType.F32, Shape.of(4, count / 4));
        for (int i = 0; i < count; i++) {
            floats.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i));
        }
        Path path = dir.resolve("floats.safetensors");
        SafeTensorsWriter.write(path, new LinkedHashMap<>(Map.of("x", floats)), new LinkedHashMap<>());
        Tensor half = region.allocate(DType.BF16, floats.shape());
        try (SafeTensors file = SafeTensors.open(path)) {
            file.readRounded("x", half);
        }
        for (int i = 0; i < count; i++) {
            assertEquals(BFloat16.toFloat(BFloat16.nearestEven(floats.getFlat(i))), half.getFlat(i), "element " + i);
        }
    }

    @Test
    void onlyFloatsOfTheSameShapeAreRounded() throws IOException {
        try (SafeTensors file = open("reference.safetensors")) {
            assertEquals(file.file() + ": tensor \"f32\" has shape [2,3], wanted (3, 2); the file is of a model with other dimensions",
                    assertThrows(SafeTensorsException.class,
                            () -> file.readRounded("f32", region.allocate(DType.BF16, Shape.of(3, 2)))).getMessage());
            assertEquals(file.file() + ": tensor \"f16\" is stored as F16, wanted as BF16; only F32 is rounded, to BF16",
                    assertThrows(SafeTensorsException.class,
                            () -> file.readRounded("f16", region.allocate(DType.BF16, Shape.of(5)))).getMessage());
        }
    }

    @Test
    void otherShapesAreRefusedEvenWithAsManyElements() throws IOException {
        try (SafeTensors file = open("reference.safetensors")) {
            assertRefused(file, "f32", region.allocate(DType.F32, Shape.of(3, 2)),
                    "tensor \"f32\" has shape [2,3], wanted (3, 2); the file is of a model with other dimensions");
            assertRefused(file, "scalar", region.allocate(DType.F32, Shape.of(1)),
                    "tensor \"scalar\" has shape [], wanted (1); the file is of a model with other dimensions");
        }
    }

    @Test
    void anAbsentTensorIsRefusedWithSomeThatAreThere() throws IOException {
        try (SafeTensors file = open("reference.safetensors")) {
            String message = assertThrows(SafeTensorsException.class, () -> file.read("h.0.weight", region)).getMessage();
            assertTrue(message.contains("no tensor \"h.0.weight\" among its 7: [\""), message);
            assertTrue(message.endsWith("is it a file of this model?"), message);
        }
    }

    @Test
    void typesNoTensorHoldsGiveTheirRawBytesOnly() throws IOException {
        try (SafeTensors file = open("all-types.safetensors")) {
            assertEquals("I64", file.header().entry("i64").dtype());
            assertArrayEquals(new byte[] {(byte) 0xFD, (byte) 0xFE, (byte) 0xFF}, file.bytes("i8"));
            assertArrayEquals(new byte[] {1, 0}, file.bytes("bool"));
            for (String name : List.of("i64", "f64", "i8", "i16", "bool", "f8", "c64")) {
                String message = assertThrows(SafeTensorsException.class, () -> file.read(name, region)).getMessage();
                assertTrue(message.contains("is stored as " + file.header().entry(name).dtype() + ", which no tensor holds"
                        + " (F32, BF16, F16, I32 and U8 can be read); convert it, or take its raw bytes"), message);
            }
        }
    }

    @Test
    void moreThanFourDimensionsAreListedButNotRead() throws IOException {
        try (SafeTensors file = open("all-types.safetensors")) {
            assertEquals(List.of(1L, 2L, 1L, 2L, 1L), file.header().entry("rank5").shape());
            String message = assertThrows(SafeTensorsException.class, () -> file.read("rank5", region)).getMessage();
            assertTrue(message.contains("has shape [1,2,1,2,1], a tensor has at most 4 dimensions"), message);
        }
    }

    @Test
    void aFileThatShrinksWhileOpenIsNoticed() throws IOException {
        Path path = copy("reference.safetensors");
        try (SafeTensors file = SafeTensors.open(path)) {
            byte[] bytes = Files.readAllBytes(path);
            Files.write(path, Arrays.copyOf(bytes, bytes.length - 1));
            String last = file.header().entries().lastEntry().getKey();
            String message = assertThrows(SafeTensorsException.class, () -> file.read(last, region)).getMessage();
            assertTrue(message.contains("1 bytes early; it was changed while being read"), message);
        }
    }

    @Test
    void aTrainedModelOfOthersIsRead() throws IOException {
        Path path = Path.of(System.getProperty("smallbatch.data", ""), "models", "stories260K", "model.safetensors");
        assumeTrue(Files.exists(path), "no " + path);
        try (SafeTensors file = SafeTensors.open(path)) {
            Tensor table = region.allocate(DType.F32, Shape.of(512, 64));
            file.read("model.embed_tokens.weight", table);
            double squares = 0;
            for (float value : table.toFloatArray()) {
                squares += (double) value * value;
            }
            assertTrue(squares > 1 && squares < 1e6, "sum of squares " + squares);
        }
    }

    private static void assertRamp(String name, Tensor tensor) {
        for (long i = 0; i < tensor.numel(); i++) {
            assertEquals(i - 3f, tensor.getFlat(i), name + " element " + i);
        }
    }

    private static void assertRefused(SafeTensors file, String name, Tensor out, String problem) {
        String message = assertThrows(SafeTensorsException.class, () -> file.read(name, out)).getMessage();
        assertEquals(file.file() + ": " + problem, message);
    }

    private SafeTensors open(String resource) throws IOException {
        return SafeTensors.open(copy(resource));
    }

    private Path copy(String resource) throws IOException {
        Path path = dir.resolve(resource);
        try (InputStream in = SafeTensorsTest.class.getResourceAsStream(resource)) {
            Files.copy(in, path);
        }
        return path;
    }
}
