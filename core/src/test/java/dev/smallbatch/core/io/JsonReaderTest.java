package dev.smallbatch.core.io;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class JsonReaderTest {
    /** The suite allows duplicate names; this reader refuses them on purpose. */
    private static final Set<String> DUPLICATES = Set.of("y_object_duplicated_key.json",
            "y_object_duplicated_key_and_value.json");

    @TestFactory
    List<DynamicTest> agreesWithTheParsingSuite() throws IOException {
        Path suite = Path.of(System.getProperty("smallbatch.data", ""), "json", "JSONTestSuite-test_parsing.zip");
        assumeTrue(Files.exists(suite), "no " + suite);
        List<DynamicTest> tests = new ArrayList<>();
        try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(suite))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                String name = Path.of(entry.getName()).getFileName().toString();
                byte[] text = zip.readAllBytes();
                if (!entry.isDirectory()) {
                    tests.add(DynamicTest.dynamicTest(name, () -> check(name, text)));
                }
            }
        }
        assertEquals(318, tests.size());
        return tests;
    }

    private static void check(String name, byte[] text) throws JsonException {
        if (name.startsWith("n_") || DUPLICATES.contains(name)) {
            assertThrows(JsonException.class, () -> JsonReader.parse(text));
        } else if (name.startsWith("y_")) {
            Object value = JsonReader.parse(text);
            assertEquals(value, JsonReader.parse(JsonWriter.write(value)), "round trip");
        } else {
            // Either is allowed, but a refusal must be an orderly one.
            try {
                JsonReader.parse(text);
            } catch (JsonException expected) {
                assertDoesNotThrow(expected::getMessage);
            }
        }
    }

    @Test
    void valuesBecomePlainJavaInTextOrder() throws JsonException {
        Object value = JsonReader.parse("{\"b\": [1, -2.5e1, true, null], \"a\": {\"\": \"x\"}, \"n\": -0}");
        Map<?, ?> map = (Map<?, ?>) value;
        assertEquals(List.of("b", "a", "n"), List.copyOf(map.keySet()));
        List<?> list = (List<?>) map.get("b");
        assertEquals(List.of(1L, -25.0, true), list.subList(0, 3));
        assertNull(list.get(3));
        assertEquals(Map.of("", "x"), map.get("a"));
        assertEquals(-0.0, map.get("n"));
    }

    @Test
    void everyEscapeIsUnderstood() throws JsonException {
        assertEquals("\" \\ / \b \f \n \r \t \u00e9 \uD834\uDD1E",
                JsonReader.parse("\"\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u00E9 \\uD834\\udd1e\""));
    }

    @Test
    void integersReachTheLimitsOfLong() throws JsonException {
        assertEquals(List.of(Long.MAX_VALUE, Long.MIN_VALUE), JsonReader.parse("[9223372036854775807,-9223372036854775808]"));
    }

    @Test
    void depthSixtyFourIsReadAndOneMoreIsRefused() throws JsonException {
        JsonReader.parse("[".repeat(64) + "]".repeat(64));
        assertRefused("[".repeat(65) + "]".repeat(65), "nesting deeper than 64 at character 64");
    }

    @Test
    void refusalsSayWhatAndWhere() {
        assertRefused("", "expected a value at character 0, where the text ends");
        assertRefused("[1,]", "expected a value at character 3, where ']' stands");
        assertRefused("{\"a\" 1}", "expected ':' at character 5, where '1' stands");
        assertRefused("[1] x", "expected the end of the text at character 4, where 'x' stands");
        assertRefused("{\"a\":1,\"a\":2}", "duplicate name \"a\" at character 7");
        assertRefused("\"\\uD800\"", "unpaired surrogate in the string at character 0");
        assertRefused("\"a\nb\"", "expected a control character to be escaped at character 2, where U+000A stands");
        assertRefused("9223372036854775808", "integer at character 0 does not fit 64 bits");
        assertRefused("1e999", "number at character 0 does not fit a double");
        assertRefused("\uFEFF{}", "expected a value at character 0, where U+FEFF stands");
        assertRefused("\"\\u00\uFF11\uFF11\"", "expected four hexadecimal digits at character 5, where U+FF11 stands");
    }

    @Test
    void bytesThatAreNotUtf8AreRefused() {
        byte[] overlong = {'"', (byte) 0xC0, (byte) 0x80, '"'};
        JsonException refused = assertThrows(JsonException.class, () -> JsonReader.parse(overlong));
        assertEquals("the text is not UTF-8", refused.getMessage());
    }

    private static void assertRefused(String text, String message) {
        assertEquals(message, assertThrows(JsonException.class, () -> JsonReader.parse(text)).getMessage());
    }
}
