package dev.smallbatch.model.data;

import java.util.List;

/**
 * What reading a corpus met.
 *
 * @param documents     documents read
 * @param bytes         bytes of text in them
 * @param skippedBinary files of directories and archives left out because they are not UTF-8 text
 * @param examples      names of the first of those
 * @param skippedEmpty  files of directories and archives without content
 */
public record CorpusReport(int documents, long bytes, int skippedBinary, List<String> examples, int skippedEmpty) {
    /** One line for a log. */
    public String summary() {
        StringBuilder line = new StringBuilder().append(documents).append(documents == 1 ? " document, " : " documents, ")
                .append(bytes).append(" bytes");
        if (skippedBinary > 0) {
            line.append("; ").append(skippedBinary).append(" skipped as not UTF-8 text, such as ").append(examples.getFirst());
        }
        if (skippedEmpty > 0) {
            line.append("; ").append(skippedEmpty).append(" empty");
        }
        return line.toString();
    }
}
