package dev.smallbatch.model.data;

import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** One pass over the sources of a corpus: what it met so far, and the archive that is open. Closed by its creator. */
final class CorpusReader implements AutoCloseable {
    private static final int EXAMPLES = 5;

    private final ChunkReader reader;
    private final LongConsumer bytesDone;
    private final List<String> examples = new ArrayList<>();
    private Path openArchive;
    private ZipFile zip;
    private long listedBytes;
    private long textBytes;
    private int documents;
    private int binary;
    private int empty;

    CorpusReader(TextSink sink, LongConsumer bytesDone) {
        this.bytesDone = bytesDone;
        this.reader = new ChunkReader(ChunkReader.CHUNK_BYTES, chunk -> {
            sink.accept(chunk);
            textBytes += chunk.length();
        });
    }

    CorpusReport report() {
        return new CorpusReport(documents, textBytes, binary, List.copyOf(examples), empty);
    }

    void read(Source source, int document) throws IOException {
        ChunkReader.Outcome outcome;
        if (source.entry() == null) {
            try (InputStream in = open(source)) {
                outcome = reader.read(source, document, counted(in));
            }
        } else {
            outcome = readEntry(source, document);
        }
        switch (outcome) {
            case READ -> documents++;
            case EMPTY -> empty++;
            case BINARY -> {
                binary++;
                if (examples.size() < EXAMPLES) {
                    examples.add(source.name());
                }
            }
        }
        listedBytes += source.bytes();
        bytesDone.accept(listedBytes);
    }

    private static InputStream open(Source source) throws CorpusException {
        try {
            return Files.newInputStream(source.file());
        } catch (IOException e) {
            throw gone(source, e);
        }
    }

    private static CorpusException gone(Source source, IOException failure) {
        return new CorpusException("read corpus: " + source.name() + " was listed but cannot be opened ("
                + failure.getMessage() + "); was it moved?", failure);
    }

    private ChunkReader.Outcome readEntry(Source source, int document) throws IOException {
        try {
            ZipEntry entry = entry(source);
            try (CheckedInputStream in = new CheckedInputStream(zip.getInputStream(entry), new CRC32())) {
                ChunkReader.Outcome outcome = reader.read(source, document, counted(in));
                boolean whole = outcome != ChunkReader.Outcome.BINARY;
                if (whole && entry.getCrc() >= 0 && entry.getCrc() != in.getChecksum().getValue()) {
                    throw new ZipException("its checksum differs");
                }
                return outcome;
            }
        } catch (ZipException | EOFException e) {
            throw new CorpusException("read corpus: " + source.name() + " is damaged (" + e.getMessage()
                    + "); copy the archive again", e);
        }
    }

    private ZipEntry entry(Source source) throws IOException {
        if (!source.file().equals(openArchive)) {
            close();
            try {
                zip = new ZipFile(source.file().toFile());
            } catch (NoSuchFileException e) {
                throw gone(source, e);
            }
            openArchive = source.file();
        }
        ZipEntry entry = zip.getEntry(source.entry());
        if (entry == null) {
            throw new ZipException("it is not there any more");
        }
        return entry;
    }

    private InputStream counted(InputStream in) {
        return new FilterInputStream(in) {
            private long done = listedBytes;

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                int count = super.read(target, offset, length);
                done += Math.max(0, count);
                bytesDone.accept(done);
                return count;
            }
        };
    }

    @Override
    public void close() throws IOException {
        if (zip != null) {
            zip.close();
            zip = null;
            openArchive = null;
        }
    }
}
