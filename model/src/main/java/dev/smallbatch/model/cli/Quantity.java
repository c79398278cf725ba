package dev.smallbatch.model.cli;

import java.math.BigDecimal;
import picocli.CommandLine.TypeConversionException;

/**
 * Numbers as people write them: {@code 2000}, {@code 1.5M}, {@code 40k}, {@code 3e-4}. The suffixes k, M and G (or B) are powers
 * of 1000.
 */
final class Quantity {
    private Quantity() {}

    /** A whole number. */
    static long whole(String text) {
        try {
            return exact(text).longValueExact();
        } catch (ArithmeticException e) {
            throw new TypeConversionException("'" + text + "' is not a whole number that fits 64 bits");
        }
    }

    /** A whole number of at most 31 bits. */
    static int small(String text) {
        try {
            return exact(text).intValueExact();
        } catch (ArithmeticException e) {
            throw new TypeConversionException("'" + text + "' is not a whole number below 2G");
        }
    }

    /** Any number. */
    static double real(String text) {
        return exact(text).doubleValue();
    }

    private static BigDecimal exact(String text) {
        String number = text.strip();
        int power = number.isEmpty() ? 0 : switch (number.charAt(number.length() - 1)) {
            case 'k', 'K' -> 3;
            case 'M', 'm' -> 6;
            case 'G', 'g', 'B', 'b' -> 9;
            default -> 0;
        };
        try {
            return new BigDecimal(power == 0 ? number : number.substring(0, number.length() - 1)).scaleByPowerOfTen(power);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("'" + text + "' is not a number; examples: 2000, 1.5M, 40k, 3e-4");
        }
    }
}
