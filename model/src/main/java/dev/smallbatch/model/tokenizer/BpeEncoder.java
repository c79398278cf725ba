package dev.smallbatch.model.tokenizer;

import java.util.Arrays;

/**
 * The merging of {@link BpeTokenizer}, with a cache of words met: in real text almost every word is a repetition, and its
 * ids are copied.
 */
final class BpeEncoder implements Encoder {
    private static final int LONGEST_CACHED = 64;
    private static final int MAX_CACHED = 1 << 18;
    /** Above this many bytes a queue beats searching all pairs for the earliest merge. */
    private static final int LONG_WORD = 64;

    private final PairTable ranks;
    private final int[] idOfPiece;

    private WordIndex words = new WordIndex();
    private int[] idEnds = new int[256];
    private TokenBuffer ids = new TokenBuffer();

    private final int[] pieces = new int[LONG_WORD];
    private final int[] pairRanks = new int[LONG_WORD];

    BpeEncoder(PairTable ranks, int[] idOfPiece) {
        this.ranks = ranks;
        this.idOfPiece = idOfPiece;
    }

    @Override
    public void encode(byte[] utf8, int from, int to, TokenBuffer out) {
        int start = from;
        while (start < to) {
            int end = PreTokenizer.wordEnd(utf8, start, to);
            int length = end - start;
            if (length == 1) {
                out.add(idOfPiece[utf8[start] & 0xFF]);
            } else if (length <= LONGEST_CACHED) {
                encodeCached(utf8, start, end, out);
            } else {
                encodeLong(utf8, start, end, out);
            }
            start = end;
        }
    }

    private void encodeCached(byte[] utf8, int start, int end, TokenBuffer out) {
        int known = words.size();
        int word = words.add(utf8, start, end);
        if (word == known) {
            if (known == MAX_CACHED) {
                words = new WordIndex();
                ids = new TokenBuffer();
                word = words.add(utf8, start, end);
            }
            encodeShort(utf8, start, end, ids);
            if (word == idEnds.length) {
                idEnds = Arrays.copyOf(idEnds, 2 * word);
            }
            idEnds[word] = ids.size();
        }
        int first = word == 0 ? 0 : idEnds[word - 1];
        out.add(ids.array(), first, idEnds[word] - first);
    }

    private void encodeShort(byte[] utf8, int start, int end, TokenBuffer out) {
        int count = end - start;
        for (int i = 0; i < count; i++) {
            pieces[i] = utf8[start + i] & 0xFF;
        }
        for (int i = 0; i + 1 < count; i++) {
            pairRanks[i] = rank(i);
        }
        int best = earliest(count);
        while (best >= 0) {
            pieces[best] = BpeTokenizer.BYTES + pairRanks[best];
            count--;
            System.arraycopy(pieces, best + 2, pieces, best + 1, count - best - 1);
            if (best + 1 < count) {
                System.arraycopy(pairRanks, best + 1, pairRanks, best, count - 1 - best);
                pairRanks[best] = rank(best);
            }
            if (best > 0) {
                pairRanks[best - 1] = rank(best - 1);
            }
            best = earliest(count);
        }
        for (int i = 0; i < count; i++) {
            out.add(idOfPiece[pieces[i]]);
        }
    }

    private int rank(int i) {
        return ranks.get(pieces[i], pieces[i + 1]);
    }

    /** The leftmost of the {@code count - 1} pairs with the earliest merge, or -1. */
    private int earliest(int count) {
        int best = -1;
        int bestRank = Integer.MAX_VALUE;
        for (int i = 0; i + 1 < count; i++) {
            if (pairRanks[i] != PairTable.ABSENT && pairRanks[i] < bestRank) {
                bestRank = pairRanks[i];
                best = i;
            }
        }
        return best;
    }

    private void encodeLong(byte[] utf8, int start, int end, TokenBuffer out) {
        LongWord word = new LongWord(utf8, start, end, ranks);
        word.merge();
        word.forEach(piece -> out.add(idOfPiece[piece]));
    }
}
