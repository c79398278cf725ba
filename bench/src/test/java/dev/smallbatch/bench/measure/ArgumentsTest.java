package dev.smallbatch.bench.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ArgumentsTest {
    private static final Map<String, String> DEFAULTS = Map.of("steps", "10", "name", "", "quick", "false");

    @Test
    void optionsReplaceTheirDefaultsAndWordsKeepTheirOrder() {
        Arguments a = Arguments.parse(DEFAULTS, "small", "--steps", "3", "gemm", "--name", "x y");
        assertEquals(3, a.integer("steps"));
        assertEquals("x y", a.text("name"));
        assertEquals(List.of("small", "gemm"), a.words());
    }

    @Test
    void whatIsNotGivenHasItsDefault() {
        assertEquals(10, Arguments.parse(DEFAULTS).integer("steps"));
    }

    @Test
    void flagsTakeNoValue() {
        Arguments a = Arguments.parse(DEFAULTS, "--quick", "gemm");
        assertTrue(a.flag("quick"));
        assertEquals(List.of("gemm"), a.words());
        assertFalse(Arguments.parse(DEFAULTS).flag("quick"));
    }

    @Test
    void anUnknownOptionIsRefusedWithThoseThereAre() {
        var refusal = assertThrows(IllegalArgumentException.class, () -> Arguments.parse(DEFAULTS, "--step", "3"));
        assertEquals("arguments: no option --step; there are --name, --quick, --steps", refusal.getMessage());
    }

    @Test
    void anOptionWithoutItsValueIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Arguments.parse(DEFAULTS, "--steps"));
    }

    @Test
    void aValueThatIsNoNumberIsRefusedWithItsName() {
        Arguments a = Arguments.parse(DEFAULTS, "--steps", "many");
        String message = assertThrows(IllegalArgumentException.class, () -> a.integer("steps")).getMessage();
        assertEquals("arguments: --steps is 'many', must be a whole number", message);
    }
}
