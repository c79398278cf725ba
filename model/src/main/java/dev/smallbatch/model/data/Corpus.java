package dev.smallbatch.model.data;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * Documents of UTF-8 text in files, directories and zip or jar archives, in an order that depends on the paths and names alone.
 * Listed when created, read lazily, any number of times.
 *
 * <p>A file that is named must be text. Of the files found in a directory or archive, those that are not (a zero byte, or bytes
 * that are not UTF-8, in the first 4 MiB) and empty ones are skipped, counted and reported.
 */
public final class Corpus {
    private final List<Source> sources;
    private final long bytes;

    private Corpus(List<Source> sources) {
        this.sources = sources;
        this.bytes = sources.stream().mapToLong(Source::bytes).sum();
    }

    /**
     * Lists the documents of files, directories and archives, in this order; within one, in order of names.
     *
     * @param glob which files of directories and archives: for the file's name (such as {@code *.java}) or, if it has a slash,
     *     for the path within; null for all. Names that begin with a dot are left out
     * @throws CorpusException if a path is missing or unreadable, an archive is damaged or nothing matches
     * @throws IllegalArgumentException if there is no path or the glob is malformed
     */
    public static Corpus of(List<Path> paths, String glob) throws IOException {
        if (paths.isEmpty()) {
            throw new IllegalArgumentException("read corpus: no path given; name a file, a directory or an archive");
        }
        return new Corpus(SourceListing.list(paths, glob));
    }

    /** Number of files listed; some may prove not to be text. */
    public int documents() {
        return sources.size();
    }

    /** Size of all files listed. */
    public long bytes() {
        return bytes;
    }

    /** Size of one file. */
    public long bytes(int document) {
        return sources.get(document).bytes();
    }

    /** SHA-256 in hexadecimal of paths, sizes and times of change: what decides whether work on the texts can be reused. */
    public String fingerprint() {
        Hasher hasher = Hashing.sha256().newHasher();
        for (Source source : sources) {
            String path = source.file().toAbsolutePath().normalize() + "\n" + source.entry() + "\n";
            hasher.putString(path, StandardCharsets.UTF_8).putLong(source.bytes()).putLong(source.modifiedMillis());
        }
        return hasher.hash().toString();
    }

    /**
     * Gives all texts to a sink.
     *
     * @param bytesDone called now and then with the bytes read so far, of {@link #bytes()}
     * @throws CorpusException if a named file is empty or not text, an archive is damaged, or there was no text at all
     */
    public CorpusReport read(TextSink sink, LongConsumer bytesDone) throws IOException {
        CorpusReport report;
        try (CorpusReader reader = new CorpusReader(sink, bytesDone)) {
            for (int document = 0; document < sources.size(); document++) {
                reader.read(sources.get(document), document);
            }
            report = reader.report();
        }
        if (report.documents() == 0) {
            throw new CorpusException("read corpus: no text in " + sources.size() + " files, " + report.skippedEmpty()
                    + " empty and " + report.skippedBinary() + " not UTF-8, such as " + sources.getFirst().name()
                    + "; check the path and the glob");
        }
        return report;
    }
}
