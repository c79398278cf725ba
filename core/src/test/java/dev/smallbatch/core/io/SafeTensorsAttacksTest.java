package dev.smallbatch.core.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One test per way in which a file can be wrong, by accident or on purpose. */
class SafeTensorsAttacksTest {
    private static final String GOOD = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";

    @TempDir
    Path dir;

    @Test
    void theFileAllAttacksStartFromIsGood() throws IOException {
        try (SafeTensors file = SafeTensors.open(file(GOOD, 8))) {
            assertEquals(1, file.header().entries().size());
        }
    }

    @Test
    void spacesBehindTheHeaderAreGood() throws IOException {
        SafeTensors.open(file(GOOD + "   ", 8)).close();
    }

    @Test
    void noTensorsAtAllAreGood() throws IOException {
        SafeTensors.open(file("{}", 0)).close();
    }

    @Test
    void emptyTensorsMayShareAPlaceWithOthers() throws IOException {
        SafeTensors.open(file("{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                + "\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
                + "\"c\":{\"dtype\":\"I64\",\"shape\":[3,0],\"data_offsets\":[8,8]}}", 8)).close();
    }

    @Test
    void missingFile() {
        assertRefused(dir.resolve("absent"), "there is no such file; check the path");
    }

    @Test
    void directory() {
        assertRefused(dir, "is a directory, not a safetensors file; name a file in it");
    }

    @Test
    void emptyFile() throws IOException {
        assertRefused(write(new byte[0]), "the file has 0 bytes, a safetensors file at least 8; it was cut short");
    }

    @Test
    void fileShorterThanTheLength() throws IOException {
        assertRefused(write(new byte[7]), "the file has 7 bytes, a safetensors file at least 8; it was cut short");
    }

    @Test
    void lengthBeyondTheLimit() throws IOException {
        assertRefused(withLength(100_000_001, GOOD, 8), "header length 100000001, at most 100000000");
    }

    @Test
    void negativeLength() throws IOException {
        assertRefused(withLength(-1, GOOD, 8), "header length 18446744073709551615, at most 100000000");
    }

    @Test
    void lengthBeyondTheFile() throws IOException {
        assertRefused(withLength(GOOD.length() + 9, GOOD, 8),
                "header length " + (GOOD.length() + 9) + ", but " + (GOOD.length() + 8) + " bytes follow");
    }

    @Test
    void lengthZero() throws IOException {
        assertRefused(withLength(0, "", 0), "the header does not begin with '{'");
    }

    @Test
    void headerThatBeginsWithSpace() throws IOException {
        assertRefused(file(" " + GOOD, 8), "the header does not begin with '{'");
    }

    @Test
    void headerThatIsNotUtf8() throws IOException {
        byte[] json = GOOD.getBytes(StandardCharsets.ISO_8859_1);
        json[2] = (byte) 0xFF;
        assertRefused(file(json, 8), "header: the text is not UTF-8");
    }

    @Test
    void headerThatIsNotJson() throws IOException {
        assertRefused(file(GOOD.replace("\"a\":", "\"a\""), 8), "header: expected ':'");
    }

    @Test
    void headerThatGoesOnBehindTheObject() throws IOException {
        assertRefused(file(GOOD + "\0", 8), "header: expected the end of the text");
    }

    @Test
    void headerNestedWithoutEnd() throws IOException {
        assertRefused(file("{\"a\":" + "[".repeat(1_000_000), 0), "header: nesting deeper than 64");
    }

    @Test
    void duplicateNames() throws IOException {
        String entry = GOOD.substring(1, GOOD.length() - 1);
        assertRefused(file("{" + entry + "," + entry + "}", 8), "header: duplicate name \"a\"");
    }

    @Test
    void duplicateFields() throws IOException {
        assertRefused(file(GOOD.replace("\"shape\"", "\"dtype\":\"F32\",\"shape\""), 8), "header: duplicate name \"dtype\"");
    }

    @Test
    void metadataThatIsNoObject() throws IOException {
        assertRefused(file("{\"__metadata__\":[]}", 0), "__metadata__ is [], must be an object");
    }

    @Test
    void metadataThatIsNoString() throws IOException {
        assertRefused(file("{\"__metadata__\":{\"k\":1}}", 0), "__metadata__ \"k\" is 1, must be a string");
    }

    @Test
    void entryThatIsNoObject() throws IOException {
        assertRefused(file("{\"a\":7}", 0), "tensor \"a\" has the entry 7, must have a dtype, a shape and data_offsets");
    }

    @Test
    void fieldMissing() throws IOException {
        assertRefused(file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8), "must have a dtype, a shape and data_offsets");
    }

    @Test
    void fieldTooMany() throws IOException {
        assertRefused(file(GOOD.replace("\"shape\"", "\"x\":1,\"shape\""), 8), "must have a dtype, a shape and data_offsets");
    }

    @Test
    void fieldOfAnotherKind() throws IOException {
        assertRefused(file(GOOD.replace("[2]", "2"), 8), "must have a dtype, a shape and data_offsets");
    }

    @Test
    void unknownType() throws IOException {
        assertRefused(file(GOOD.replace("F32", "F31"), 8), "tensor \"a\" has dtype \"F31\", which this build does not know");
    }

    @Test
    void typeInLowerCase() throws IOException {
        assertRefused(file(GOOD.replace("F32", "f32"), 8), "tensor \"a\" has dtype \"f32\", which this build does not know");
    }

    @Test
    void negativeDimension() throws IOException {
        assertRefused(file(GOOD.replace("[2]", "[-2,-1]"), 8), "has shape [-2,-1], must be integers from 0");
    }

    @Test
    void fractionalDimension() throws IOException {
        assertRefused(file(GOOD.replace("[2]", "[2.0]"), 8), "has shape [2.0], must be integers from 0");
    }

    @Test
    void dimensionThatIsNull() throws IOException {
        assertRefused(file(GOOD.replace("[2]", "[null]"), 8), "has shape [null], must be integers from 0");
    }

    @Test
    void dimensionBeyondSixtyFourBits() throws IOException {
        assertRefused(file(GOOD.replace("[2]", "[18446744073709551618]"), 8), "header: integer at character");
    }

    @Test
    void shapeWhoseProductOverflows() throws IOException {
        // 2^31 * 2^33 elements wrap around to 0 in 64 bits.
        assertRefused(file(GOOD.replace("[2]", "[2147483648,8589934592]").replace("[0,8]", "[0,0]"), 0),
                "has shape [2147483648,8589934592], more than 2^63 bits");
    }

    @Test
    void shapeThatWouldOverflowButForAZero() throws IOException {
        assertRefused(file(GOOD.replace("[2]", "[9223372036854775807,2,0]").replace("[0,8]", "[0,0]"), 0), "more than 2^63 bits");
    }

    @Test
    void shapeThatDoesNotFillBytes() throws IOException {
        assertRefused(file(GOOD.replace("F32", "F4").replace("[2]", "[3]").replace("[0,8]", "[0,1]"), 1),
                "has shape [3], no whole number of bytes of F4");
    }

    @Test
    void sizeOtherThanShapeTimesType() throws IOException {
        assertRefused(file(GOOD.replace("[2]", "[3]"), 8), "has data_offsets [0,8], that is 8 bytes, but F32 [3] needs 12");
    }

    @Test
    void oneOffset() throws IOException {
        assertRefused(file(GOOD.replace("[0,8]", "[8]"), 8), "has data_offsets [8], must be a begin and an end not before it");
    }

    @Test
    void threeOffsets() throws IOException {
        assertRefused(file(GOOD.replace("[0,8]", "[0,8,8]"), 8), "has data_offsets [0,8,8], must be a begin and an end");
    }

    @Test
    void offsetsTheWrongWayRound() throws IOException {
        assertRefused(file(GOOD.replace("[0,8]", "[8,0]"), 8),
                "has data_offsets [8,0], must be a begin and an end not before it");
    }

    @Test
    void negativeOffset() throws IOException {
        assertRefused(file(GOOD.replace("[0,8]", "[-8,0]"), 8), "has data_offsets [-8,0], must be integers from 0");
    }

    @Test
    void holeBeforeTheFirstTensor() throws IOException {
        assertRefused(file(GOOD.replace("[0,8]", "[8,16]"), 16),
                "tensor \"a\" begins at payload byte 8, the tensors before it end at 0, which leaves a hole");
    }

    @Test
    void holeBetweenTensors() throws IOException {
        assertRefused(file(two(9, 17), 17),
                "tensor \"b\" begins at payload byte 9, the tensors before it end at 8, which leaves a hole");
    }

    @Test
    void overlappingTensors() throws IOException {
        assertRefused(file(two(4, 12), 12),
                "tensor \"b\" begins at payload byte 4, the tensors before it end at 8, so they overlap");
    }

    @Test
    void twoNamesForTheSameBytes() throws IOException {
        assertRefused(file(two(0, 8), 8),
                "tensor \"b\" begins at payload byte 0, the tensors before it end at 8, so they overlap");
    }

    @Test
    void payloadCutShort() throws IOException {
        assertRefused(file(GOOD, 7), "the header describes 8 payload bytes, the file has 7; it was cut short, copy it again");
    }

    @Test
    void bytesBehindThePayload() throws IOException {
        assertRefused(file(GOOD, 9), "the header describes 8 payload bytes, the file has 9; the file is damaged");
    }

    @Test
    void everyPrefixOfAGoodFileIsRefused() throws IOException {
        byte[] good = Files.readAllBytes(file(GOOD, 8));
        for (int length = 0; length < good.length; length++) {
            Path cut = write(Arrays.copyOf(good, length));
            assertThrows(SafeTensorsException.class, () -> SafeTensors.open(cut), "first " + length + " bytes");
        }
    }

    @Test
    void messagesStayShortHoweverLongTheNames() throws IOException {
        Path path = file(GOOD.replace("\"a\"", "\"" + "\\u001b[31m".repeat(100_000) + "\"").replace("[2]", "[-1]"), 8);
        String message = assertThrows(SafeTensorsException.class, () -> SafeTensors.open(path)).getMessage();
        assertTrue(message.length() < path.toString().length() + 500, "length " + message.length());
        assertTrue(message.chars().noneMatch(c -> c < 0x20), message);
    }

    private static String two(int begin, int end) {
        return GOOD.replace("}}", "},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" + begin + "," + end + "]}}");
    }

    private void assertRefused(Path path, String problem) {
        String message = assertThrows(SafeTensorsException.class, () -> SafeTensors.open(path)).getMessage();
        assertTrue(message.startsWith(path + ": ") && message.contains(problem), message);
    }

    private Path file(String json, int payloadBytes) throws IOException {
        return file(json.getBytes(StandardCharsets.UTF_8), payloadBytes);
    }

    private Path file(byte[] json, int payloadBytes) throws IOException {
        return write(json.length, json, payloadBytes);
    }

    private Path withLength(long length, String json, int payloadBytes) throws IOException {
        return write(length, json.getBytes(StandardCharsets.UTF_8), payloadBytes);
    }

    private Path write(long length, byte[] json, int payloadBytes) throws IOException {
        return write(ByteBuffer.allocate(8 + json.length + payloadBytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length)
                .put(json).array());
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(dir.resolve("attack.safetensors"), bytes);
    }
}
