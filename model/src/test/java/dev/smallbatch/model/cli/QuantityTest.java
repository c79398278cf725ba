package dev.smallbatch.model.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.TypeConversionException;

class QuantityTest {
    @Test
    void suffixesArePowersOfAThousand() {
        assertEquals(2_000_000, Quantity.whole("2M"));
        assertEquals(1_500_000, Quantity.whole("1.5M"));
        assertEquals(40_000, Quantity.whole("40k"));
        assertEquals(40_000, Quantity.whole("40K"));
        assertEquals(3_000_000_000L, Quantity.whole("3G"));
        assertEquals(0.25e3, Quantity.real("0.25k"));
    }

    @Test
    void plainAndScientificNumbersAreTakenAsTheyAre() {
        assertEquals(123, Quantity.whole("123"));
        assertEquals(1000, Quantity.whole("1e3"));
        assertEquals(3e-4, Quantity.real("3e-4"));
        assertEquals(-1, Quantity.small("-1"));
    }

    @Test
    void anythingElseIsRefusedWithExamples() {
        for (String text : List.of("", "k", "12x", "1,000", "0x10", "NaN", "M2")) {
            String message = assertThrows(TypeConversionException.class, () -> Quantity.real(text), text).getMessage();
            assertTrue(message.contains("'" + text + "'") && message.contains("1.5M"), message);
        }
    }

    @Test
    void wholeNumbersHaveNoFractionAndFit() {
        assertThrows(TypeConversionException.class, () -> Quantity.whole("1.5"));
        assertThrows(TypeConversionException.class, () -> Quantity.whole("1e30"));
        assertThrows(TypeConversionException.class, () -> Quantity.small("3G"));
    }

    @Test
    void numbersForPeopleAreShort() {
        assertEquals(List.of("7", "9,999", "10k", "1.2M", "124M", "2.5G"),
                List.of(Format.count(7), Format.count(9999), Format.count(10_000), Format.count(1_234_567), Format.count(123.6e6),
                        Format.count(2.5e9)));
        assertEquals(List.of("512 bytes", "1 KiB", "1.5 MiB", "2 GiB"),
                List.of(Format.bytes(512), Format.bytes(1024), Format.bytes(1.5 * (1 << 20)), Format.bytes(2L << 30)));
        assertEquals(List.of("0:07", "12:30", "1:02:03"), List.of(Format.time(7.2), Format.time(750), Format.time(3723)));
        assertEquals(List.of("2", "0.002", "0.99993", "1.20e-05"),
                List.of(Format.number(2), Format.number(2e-3), Format.number(0.99993), Format.number(1.2e-5)));
    }

    @Test
    void sparklinesShowTheMeansOfTheirParts() {
        assertEquals("█▁", Format.sparkline(Arrays.asList(4.0, 4.0, 1.0, 1.0), 2));
        assertEquals("▁▁▁", Format.sparkline(List.of(2.0, 2.0, 2.0), 10));
        assertEquals("", Format.sparkline(List.of(Double.NaN), 10));
    }
}
