package dev.smallbatch.bench;

/** Java source without its comments and the contents of its literals, so that what is left can be counted and searched. */
final class CodeLines {
    private static final String TEXT_BLOCK = "\"\"\"";

    private final String source;
    private final StringBuilder code = new StringBuilder();
    private int at;

    private CodeLines(String source) {
        this.source = source;
    }

    /** The source with every comment gone and every string empty; line ends stay where they were. */
    static String code(String source) {
        return new CodeLines(source).strip();
    }

    /** Lines with something other than blanks and comments. */
    static int count(String source) {
        return (int) code(source).lines().filter(line -> !line.isBlank()).count();
    }

    private String strip() {
        while (at < source.length()) {
            if (source.startsWith("//", at)) {
                skipTo("\n", false);
            } else if (source.startsWith("/*", at)) {
                skipTo("*/", true);
            } else if (source.startsWith(TEXT_BLOCK, at)) {
                literal(TEXT_BLOCK);
            } else if (source.charAt(at) == '"' || source.charAt(at) == '\'') {
                literal(source.substring(at, at + 1));
            } else {
                code.append(source.charAt(at++));
            }
        }
        return code.toString();
    }

    /** Drops everything up to {@code end}, and {@code end} itself if it belongs to what is dropped. */
    private void skipTo(String end, boolean inclusive) {
        int found = source.indexOf(end, at + 2);
        int to = found < 0 ? source.length() : found + (inclusive ? end.length() : 0);
        keepLineEnds(to);
    }

    /** Keeps the quotes; in a text block each line of it counts as code. */
    private void literal(String quote) {
        code.append(quote);
        at += quote.length();
        while (at < source.length() && !source.startsWith(quote, at)) {
            char c = source.charAt(at);
            at += c == '\\' ? 2 : 1;
            if (c == '\n') {
                code.append("\"\n");
            }
        }
        code.append(quote);
        at += quote.length();
    }

    private void keepLineEnds(int to) {
        for (; at < to; at++) {
            if (source.charAt(at) == '\n') {
                code.append('\n');
            }
        }
    }
}
