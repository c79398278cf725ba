package dev.smallbatch.model.tokenizer;

import java.util.List;
import java.util.Random;

/** Texts that break careless tokenizers, and a maker of random ones from the same material. */
public final class HardTexts {
    public static final List<String> ALL = List.of(
            "", " ", "  ", "\n", "\r\n", "\t\t x", "a", "'", "''s", "'S 'LL don't I'll we've they're he'd I'm 'tis 'l 'v",
            " 's", "!'s", "x 's", "1's", "  's", "a  b", "a   b ", "end ", "end  ", "end \n", "\u00A0x", " \u00A0x", "\u00A0 x",
            "\u3000\u3000x", "\u2028a", "\u0085b", "\u001C\u001D\u001E\u001F", "\u200B\u200Bx",
            "a\u0301e\u0301", "\u0301", " \u0301x",
            "x\u00B2\u00BD\u0663\u2167", "１２ ３", "\uD83D\uDE00 \uD83D\uDC68\u200D\uD83D\uDC69\u200D\uD83D\uDC67", "漢字かな交じり文 テスト",
            "नमस्ते दुनिया", "שלום עולם", "ελληνικά", "\uD835\uDD38\uD835\uDD39 \uD835\uDFD8", "a\u0000b",
            "tabs\tand\u000Bmore\f.",
            "http://x.y/z?a=1&b=%20#c", "    indent();\n\n\n    more;\n", "====----====",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\uFFFD\uFEFFx",
            "ǅungla ʰ ª", "123abc456", "_a_b__", "«quoted»", "e\u0301\u0302\u0303", "\u180Ex", "\u1680x", "\u205Fx \u202Fy");

    private static final String[] MATERIAL = {
        " ", "  ", "\n", "\t", "\r\n", "\u00A0", "\u3000", "\u0085", "\u001C", "'", "'s", "'ll", "'re", "'v",
        "a", "B", "the", "é", "ß",
        "漢", "か", "नि", "\u0301", "1", "42", "²", "Ⅷ", "٣", ".", "!!", "_", "\uD83D\uDE00",
        "\uD835\uDD38", "\u200D", "\u0000", "<", "|>"
    };

    private HardTexts() {}

    /** Concatenation of random parts. */
    public static String random(Random random, int parts) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < parts; i++) {
            text.append(MATERIAL[random.nextInt(MATERIAL.length)]);
        }
        return text.toString();
    }
}
