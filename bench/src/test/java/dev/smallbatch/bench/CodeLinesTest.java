package dev.smallbatch.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class CodeLinesTest {
    @Test
    void dropsCommentsAndKeepsLines() {
        assertEquals("a \n\n b\n", CodeLines.code("a // x\n/* y\n */ b\n"));
    }

    @Test
    void doesNotTakeQuotedTextForComments() {
        assertEquals("f(\"\", '', \"\"); \n", CodeLines.code("f(\"// x\", '\"', \"\\\"/*\"); // y\n"));
    }

    @Test
    void doesNotTakeQuotesInCommentsForText() {
        assertEquals("a \nb", CodeLines.code("a // don't\nb"));
    }

    @Test
    void countsLinesOfCodeAndOfTextBlocks() {
        assertEquals(1, CodeLines.count("/** x */\n\nint a; // y\n\n"));
        assertEquals(3, CodeLines.count("a = \"\"\"\n  // text\n  \"\"\";\n"));
    }
}
