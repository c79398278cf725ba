package dev.smallbatch.model.tokenizer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalInt;

/** The 256 bytes as vocabulary: id = unsigned byte. No special tokens; documents are separated by a zero byte. */
public final class ByteTokenizer implements Tokenizer {
    private static final int SIZE = 256;

    /** The byte tokenizer; all are equal. */
    public ByteTokenizer() {}

    @Override
    public int vocabularySize() {
        return SIZE;
    }

    @Override
    public Encoder encoder() {
        return (utf8, from, to, out) -> {
            for (int i = from; i < to; i++) {
                out.add(utf8[i] & 0xFF);
            }
        };
    }

    @Override
    public byte[] tokenBytes(int id) {
        if (id < 0 || id >= SIZE) {
            throw new IllegalArgumentException("decode: token " + id + " is outside the vocabulary of " + SIZE + " bytes");
        }
        return new byte[] {(byte) id};
    }

    @Override
    public OptionalInt endOfText() {
        return OptionalInt.empty();
    }

    @Override
    public int documentSeparator() {
        return 0;
    }

    @Override
    public String fingerprint() {
        return TokenizerFile.fingerprint(this);
    }

    @Override
    public void save(Path directory) throws IOException {
        TokenizerFile.save(this, directory);
    }
}
