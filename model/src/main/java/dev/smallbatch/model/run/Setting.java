package dev.smallbatch.model.run;

import java.math.BigDecimal;
import java.util.List;

/**
 * A number or a word that one optimizer has beside the common options, given as {@code --set NAME=VALUE}.
 *
 * @param name lower case with dashes
 * @param range which values are possible
 * @param words all that are possible if it is a word, else empty
 * @param usual the default, as it is stored
 * @param help a few words on what it is
 */
public record Setting(String name, Range range, List<String> words, String usual, String help) {
    /** Below it numbers are written with an exponent. */
    private static final double SMALL = 1e-6;

    /** Which numbers are possible. */
    public enum Range {
        /** Every number above 0. */
        POSITIVE("above 0"),
        /** Every number from 0. */
        NOT_NEGATIVE("at least 0"),
        /** From 0 up to, but not, 1. */
        FRACTION("at least 0 and below 1"),
        /** 1, 2, ... */
        COUNT("a whole number above 0"),
        /** One of a list of words. */
        WORD("one of");

        private final String text;

        Range(String text) {
            this.text = text;
        }

        private boolean contains(double value) {
            return switch (this) {
                case POSITIVE -> value > 0;
                case NOT_NEGATIVE -> value >= 0;
                case FRACTION -> value >= 0 && value < 1;
                case COUNT -> value >= 1 && value <= Integer.MAX_VALUE && value == Math.rint(value);
                case WORD -> false;
            } && value <= Double.MAX_VALUE;
        }
    }

    static Setting number(String name, Range range, double usual, String help) {
        return new Setting(name, range, List.of(), text(usual), help);
    }

    static Setting word(String name, List<String> words, String usual, String help) {
        return new Setting(name, Range.WORD, words, usual, help);
    }

    /** A value as it is stored, always the same for the same number; null if it is impossible. */
    String canonical(String value) {
        if (range == Range.WORD) {
            return words.contains(value) ? value : null;
        }
        try {
            double number = Double.parseDouble(value);
            return range.contains(number) ? text(number) : null;
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static String text(double value) {
        BigDecimal number = BigDecimal.valueOf(value).stripTrailingZeros();
        return value == 0 || Math.abs(value) >= SMALL ? number.toPlainString() : number.toString();
    }

    /** What is possible. */
    String possible() {
        return range == Range.WORD ? range.text + " " + String.join(", ", words) : range.text;
    }

    /** For example {@code beta=0.95 (decay of the average; at least 0 and below 1)}. */
    @Override
    public String toString() {
        return name + "=" + usual + " (" + help + "; " + possible() + ")";
    }
}
