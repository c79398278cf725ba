package dev.smallbatch.model.data;

import com.google.common.base.Utf8;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** Reads one document after the other in chunks of bounded size, checking that they are UTF-8 text. */
final class ChunkReader {
    static final int CHUNK_BYTES = 1 << 22;
    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

    private final byte[] buffer;
    private final TextSink sink;

    /** What became of a document. */
    enum Outcome { READ, EMPTY, BINARY }

    ChunkReader(int chunkBytes, TextSink sink) {
        this.buffer = new byte[chunkBytes];
        this.sink = sink;
    }

    /**
     * Reads a document to its end. A byte order mark is dropped.
     *
     * @return EMPTY or BINARY, with nothing given to the sink, only for a source that the user did not name
     * @throws CorpusException if it is empty or not text and was named, or proves not to be text after its first chunk
     */
    Outcome read(Source source, int document, InputStream in) throws IOException {
        long offset = 0;
        int filled = 0;
        while (true) {
            filled += in.readNBytes(buffer, filled, buffer.length - filled);
            boolean end = filled < buffer.length;
            if (filled == 0 && offset == 0) {
                return empty(source);
            }
            int cut = end ? filled : CutPoint.before(buffer, 0, filled);
            int wrong = firstWrong(cut);
            if (wrong >= 0) {
                if (offset == 0 && !source.named()) {
                    return Outcome.BINARY;
                }
                throw notText(source, offset + wrong, buffer[wrong]);
            }
            int from = offset == 0 && startsWithMark(cut) ? BYTE_ORDER_MARK.length : 0;
            sink.accept(new TextChunk(source.name(), document, offset == 0, buffer, from, cut));
            if (end) {
                return Outcome.READ;
            }
            System.arraycopy(buffer, cut, buffer, 0, filled - cut);
            filled -= cut;
            offset += cut;
        }
    }

    private static Outcome empty(Source source) throws CorpusException {
        if (source.named()) {
            throw new CorpusException("read corpus: " + source.name() + " is empty; give a file with text");
        }
        return Outcome.EMPTY;
    }

    /** The position of the first zero byte or byte that is not UTF-8, or -1. */
    private int firstWrong(int length) {
        if (Utf8.isWellFormed(buffer, 0, length)) {
            return zero(length);
        }
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(buffer, 0, length);
        CharBuffer out = CharBuffer.allocate(1 << 13);
        CoderResult result = decoder.decode(in, out, true);
        while (result.isOverflow()) {
            out.clear();
            result = decoder.decode(in, out, true);
        }
        int zero = zero(in.position());
        return zero >= 0 ? zero : in.position();
    }

    private int zero(int length) {
        for (int i = 0; i < length; i++) {
            if (buffer[i] == 0) {
                return i;
            }
        }
        return -1;
    }

    private boolean startsWithMark(int length) {
        return length >= 3 && ByteBuffer.wrap(buffer, 0, 3).equals(ByteBuffer.wrap(BYTE_ORDER_MARK));
    }

    private static CorpusException notText(Source source, long offset, byte b) {
        String what = b == 0 ? "a zero byte: it is binary" : "0x%02X is not UTF-8".formatted(b);
        return new CorpusException("read corpus: " + source.name() + ": byte " + offset + ": " + what
                + "; give UTF-8 text (convert other encodings, decompress compressed files)");
    }
}
