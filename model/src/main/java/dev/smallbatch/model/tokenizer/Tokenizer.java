package dev.smallbatch.model.tokenizer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * A vocabulary of byte strings: text becomes ids in {@code [0, vocabularySize())}, ids become bytes. Lossless: decoding the
 * ids of any text gives the text. Immutable; any thread.
 */
public interface Tokenizer {
    /** The marker of the end of a document: a special token's name, and what corpora write between their documents. */
    String END_OF_TEXT = "<|endoftext|>";

    /** The file that {@link #save} writes into a directory. */
    String FILE_NAME = "tokenizer.json";

    /** Number of ids, special tokens included. */
    int vocabularySize();

    /** A new encoder, which may be used by one thread and is the fast way to encode many texts. */
    Encoder encoder();

    /**
     * The bytes a token stands for: its text for a special token.
     *
     * @throws IllegalArgumentException if {@code id} is outside the vocabulary
     */
    byte[] tokenBytes(int id);

    /** The special token {@link #END_OF_TEXT}, if the vocabulary has it. */
    OptionalInt endOfText();

    /** What stands between two documents of a token stream: the end-of-text token, else the token of a zero byte. */
    int documentSeparator();

    /** SHA-256 in hexadecimal of everything that decides ids: equal for tokenizers that encode alike. */
    String fingerprint();

    /**
     * Writes {@link #FILE_NAME} into the directory, creating it if needed. The file is written beside and renamed, so a
     * reader sees the old or the new one, whole.
     *
     * @throws IOException if the directory cannot be written
     */
    void save(Path directory) throws IOException;

    /**
     * Loads the vocabulary of a directory: {@link #FILE_NAME} as {@link #save} writes it, or else GPT-2's own two files,
     * {@code encoder.json} and {@code vocab.bpe}.
     *
     * @throws TokenizerException if there is none, or it is damaged, of another kind or of a newer format
     * @throws IOException if reading fails
     */
    static Tokenizer load(Path directory) throws IOException {
        return TokenizerFile.load(directory);
    }

    /**
     * The ids of a text. Names of special tokens inside it are ordinary text. An unpaired surrogate, which has no UTF-8,
     * becomes a question mark.
     */
    default int[] encode(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        TokenBuffer ids = new TokenBuffer();
        encoder().encode(utf8, 0, utf8.length, ids);
        return ids.toArray();
    }

    /**
     * The bytes of a sequence of ids; not always UTF-8, because a token may end inside a character.
     *
     * @throws IllegalArgumentException if an id is outside the vocabulary
     */
    default byte[] decodeBytes(int... ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(4 * ids.length);
        for (int id : ids) {
            bytes.writeBytes(tokenBytes(id));
        }
        return bytes.toByteArray();
    }

    /** The text of a sequence of ids; bytes that are not UTF-8 become U+FFFD. For growing output use {@link StreamingDecoder}. */
    default String decode(int... ids) {
        return new String(decodeBytes(ids), StandardCharsets.UTF_8);
    }
}
