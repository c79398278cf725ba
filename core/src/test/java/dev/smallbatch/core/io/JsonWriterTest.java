package dev.smallbatch.core.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonWriterTest {

    @Test
    void writesCompactlyInTheOrderGiven() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("z", Arrays.asList(1, 2L, 0.5, 1.5f, true, null));
        map.put("a", Map.of());
        map.put("", List.of());
        assertEquals("{\"z\":[1,2,0.5,1.5,true,null],\"a\":{},\"\":[]}", JsonWriter.write(map));
    }

    @Test
    void escapesOnlyWhatMustBe() {
        assertEquals("\"\\\" \\\\ / \\b\\f\\n\\r\\t\\u0000\\u001f \u007f é 名 \uD83D\uDE00\"",
                JsonWriter.write("\" \\ / \b\f\n\r\t\u0000\u001f \u007f é 名 \uD83D\uDE00"));
    }

    @Test
    void everyCharacterSurvivesARoundTrip() throws JsonException {
        StringBuilder all = new StringBuilder();
        for (int code = 0; code <= Character.MAX_CODE_POINT; code++) {
            if (code < Character.MIN_SURROGATE || code > Character.MAX_SURROGATE) {
                all.appendCodePoint(code);
            }
        }
        assertTrue(all.toString().equals(JsonReader.parse(JsonWriter.write(all.toString()))));
    }

    @Test
    void naughtyStringsSurviveARoundTrip() throws IOException {
        Path file = Path.of(System.getProperty("smallbatch.data", ""), "json", "blns.json");
        assumeTrue(Files.exists(file), "no " + file);
        List<?> strings = (List<?>) JsonReader.parse(Files.readAllBytes(file));
        assertEquals(515, strings.size());
        assertEquals(strings, JsonReader.parse(JsonWriter.write(strings)));
    }

    @Test
    void doublesSurviveARoundTrip() throws JsonException {
        List<Double> values = List.of(0.1, -0.0, 1e300, 5e-324, Math.PI, 1e10, 123456789.0);
        assertEquals(values, JsonReader.parse(JsonWriter.write(values)));
    }

    @Test
    void whatJsonCannotSayIsRefused() {
        assertRefused(Double.NaN, "json: no form for NaN; write null or a string instead");
        assertRefused(Float.POSITIVE_INFINITY, "json: no form for Infinity; write null or a string instead");
        assertRefused("a\uDC00", "json: unpaired surrogate at character 1 of a string");
        assertRefused(Map.of(1, 2), "json: the name 1 is not a string");
        assertRefused('c', "json: no form for java.lang.Character");
    }

    private static void assertRefused(Object value, String message) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, () -> JsonWriter.write(value)).getMessage());
    }
}
