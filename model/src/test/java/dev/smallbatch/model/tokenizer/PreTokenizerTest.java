package dev.smallbatch.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class PreTokenizerTest {
    /** The published expression; \s is White_Space with this flag, as in the reference. */
    private static final Pattern GPT2 = Pattern.compile(
            "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", Pattern.UNICODE_CHARACTER_CLASS);

    @Test
    void splitsHardTextsLikeTheRegularExpression() {
        for (String text : HardTexts.ALL) {
            assertEquals(expected(text), words(text), () -> "text " + escape(text));
        }
    }

    @Test
    void splitsRandomTextsLikeTheRegularExpression() {
        for (int seed = 0; seed < 20_000; seed++) {
            Random random = new Random(seed);
            String text = HardTexts.random(random, 1 + random.nextInt(12));
            int shown = seed;
            assertEquals(expected(text), words(text), () -> "seed " + shown + ", text " + escape(text));
        }
    }

    @Test
    void classifiesEveryCharacterLikeTheRegularExpression() {
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                continue;
            }
            String one = Character.toString(c);
            // Each class shows in where words end: after a letter, after a digit, after a point, before a letter.
            String text = "a" + one + "1" + one + "." + one + " " + one + "a";
            int shown = c;
            assertEquals(expected(text), words(text), () -> "character U+" + Integer.toHexString(shown));
        }
    }

    @Test
    void takesBytesThatAreNotUtf8AsOtherCharacters() {
        byte[] bytes = {'a', (byte) 0xFF, (byte) 0xC3, 'b', ' ', (byte) 0xE2, (byte) 0x82, '1', (byte) 0xF0};
        List<Integer> ends = new ArrayList<>();
        for (int i = 0; i < bytes.length; i = PreTokenizer.wordEnd(bytes, i, bytes.length)) {
            ends.add(i);
        }
        assertEquals(List.of(0, 1, 3, 4, 7, 8), ends);
    }

    @Test
    void doesNotLookBeyondTheEnd() {
        byte[] bytes = "'ll  x".getBytes(StandardCharsets.UTF_8);
        assertEquals(1, PreTokenizer.wordEnd(bytes, 0, 2));
        assertEquals(5, PreTokenizer.wordEnd(bytes, 3, 5));
        assertEquals(4, PreTokenizer.wordEnd(bytes, 3, 6));
    }

    private static List<String> expected(String text) {
        List<String> words = new ArrayList<>();
        Matcher matcher = GPT2.matcher(text);
        while (matcher.find()) {
            words.add(matcher.group());
        }
        return words;
    }

    private static List<String> words(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        List<String> words = new ArrayList<>();
        int start = 0;
        while (start < utf8.length) {
            int end = PreTokenizer.wordEnd(utf8, start, utf8.length);
            words.add(new String(utf8, start, end - start, StandardCharsets.UTF_8));
            start = end;
        }
        return words;
    }

    private static String escape(String text) {
        StringBuilder escaped = new StringBuilder();
        text.chars().forEach(c -> escaped.append(c > ' ' && c < 127 ? String.valueOf((char) c) : "\\u%04x".formatted(c)));
        return escaped.toString();
    }
}
