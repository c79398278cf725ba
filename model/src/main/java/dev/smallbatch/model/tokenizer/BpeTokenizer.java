package dev.smallbatch.model.tokenizer;

import com.google.common.collect.ImmutableMap;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Byte-level byte-pair encoding with GPT-2's splitting into words: a word begins as its bytes, and of all adjacent pairs the
 * one with the earliest merge is joined, leftmost first, until no pair has a merge.
 *
 * <p>Ids: special tokens have the ids given; the remaining ids, ascending, go to the 256 bytes in GPT-2's order (visible
 * characters first) and then to the merges in order. With end-of-text at 50256 that is GPT-2's own numbering.
 *
 * <p>Inside this package a <em>piece</em> is a token before numbering: 0 to 255 are the bytes by value, 256 + r is merge r.
 */
public final class BpeTokenizer implements Tokenizer {
    static final int BYTES = 256;

    private final ImmutableMap<String, Integer> specialTokens;
    private final int[] left;
    private final int[] right;
    private final PairTable ranks = new PairTable();
    private final int[] idOfPiece;
    private final byte[][] bytesOfId;

    /**
     * A vocabulary of merges over pieces.
     *
     * @param specialTokens ids by name
     * @param left          left piece of each merge; owned by the tokenizer from now on
     * @param right         right piece of each merge; likewise
     * @throws IllegalArgumentException if a merge uses a piece that no earlier one makes, repeats a pair or makes a token
     *     that exists, or if special ids are equal or out of range
     */
    BpeTokenizer(Map<String, Integer> specialTokens, int[] left, int[] right) {
        this.specialTokens = ImmutableMap.<String, Integer>builder()
                .orderEntriesByValue(Comparator.naturalOrder())
                .putAll(specialTokens)
                .buildOrThrow();
        this.left = left;
        this.right = right;
        int size = BYTES + left.length + specialTokens.size();
        bytesOfId = new byte[size][];
        specialTokens.forEach((name, id) -> {
            if (name.isEmpty() || id < 0 || id >= size || bytesOfId[id] != null) {
                throw new IllegalArgumentException("special token \"" + name + "\": id " + id
                        + " is taken or outside the vocabulary of " + size + ", or the name is empty");
            }
            bytesOfId[id] = name.getBytes(StandardCharsets.UTF_8);
        });
        idOfPiece = new int[BYTES + left.length];
        numberPieces();
    }

    private void numberPieces() {
        WordIndex distinct = new WordIndex();
        int id = 0;
        for (int position = 0; position < idOfPiece.length; position++, id++) {
            while (bytesOfId[id] != null) {
                id++;
            }
            int piece = position < BYTES ? ByteAlphabet.byteAt(position) : position;
            byte[] bytes = piece < BYTES ? new byte[] {(byte) piece} : merged(piece - BYTES);
            if (distinct.add(bytes, 0, bytes.length) != position) {
                throw new IllegalArgumentException("merge " + (piece - BYTES) + " makes \"" + ByteAlphabet.write(bytes)
                        + "\", which is a token already");
            }
            idOfPiece[piece] = id;
            bytesOfId[id] = bytes;
        }
    }

    private byte[] merged(int rank) {
        if (left[rank] < 0 || right[rank] < 0 || Math.max(left[rank], right[rank]) >= BYTES + rank) {
            throw new IllegalArgumentException("merge " + rank + " uses a token that no earlier merge makes");
        }
        ranks.put(left[rank], right[rank], rank);
        byte[] first = bytesOfId[idOfPiece[left[rank]]];
        byte[] second = bytesOfId[idOfPiece[right[rank]]];
        byte[] bytes = new byte[first.length + second.length];
        System.arraycopy(first, 0, bytes, 0, first.length);
        System.arraycopy(second, 0, bytes, first.length, second.length);
        return bytes;
    }

    @Override
    public int vocabularySize() {
        return bytesOfId.length;
    }

    /** Number of merges. */
    public int merges() {
        return left.length;
    }

    @Override
    public Encoder encoder() {
        return new BpeEncoder(ranks, idOfPiece);
    }

    @Override
    public byte[] tokenBytes(int id) {
        return bytes(id).clone();
    }

    @Override
    public OptionalInt endOfText() {
        Integer id = specialTokens.get(END_OF_TEXT);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    @Override
    public int documentSeparator() {
        return endOfText().orElse(idOfPiece[0]);
    }

    @Override
    public String fingerprint() {
        return TokenizerFile.fingerprint(this);
    }

    @Override
    public void save(Path directory) throws IOException {
        TokenizerFile.save(this, directory);
    }

    /** Ids of the special tokens by name. */
    public Map<String, Integer> specialTokens() {
        return specialTokens;
    }

    /** Merge {@code rank} as in GPT-2's files: both tokens in its byte alphabet with a space between, such as "h e". */
    public String merge(int rank) {
        return ByteAlphabet.write(bytes(idOfPiece[left[rank]])) + ' ' + ByteAlphabet.write(bytes(idOfPiece[right[rank]]));
    }

    private byte[] bytes(int id) {
        if (id < 0 || id >= bytesOfId.length) {
            throw new IllegalArgumentException(
                    "decode: token " + id + " is outside the vocabulary of " + bytesOfId.length + " tokens");
        }
        return bytesOfId[id];
    }
}
