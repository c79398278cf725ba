package dev.smallbatch.model.tokenizer;

import com.google.common.base.CharMatcher;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads merges written as "left right" in GPT-2's byte alphabet. */
final class MergeText {
    private MergeText() {}

    /**
     * The tokenizer of these merges, in order.
     *
     * @throws IllegalArgumentException naming the first merge that is wrong
     */
    static BpeTokenizer tokenizer(Map<String, Integer> specialTokens, List<String> merges) {
        Map<String, Integer> pieces = new HashMap<>(2 * (BpeTokenizer.BYTES + merges.size()));
        for (int b = 0; b < BpeTokenizer.BYTES; b++) {
            pieces.put(ByteAlphabet.write(new byte[] {(byte) b}), b);
        }
        int[] left = new int[merges.size()];
        int[] right = new int[merges.size()];
        for (int rank = 0; rank < left.length; rank++) {
            String merge = merges.get(rank);
            int space = merge.indexOf(' ');
            if (space <= 0 || CharMatcher.is(' ').countIn(merge) != 1 || space == merge.length() - 1) {
                throw new IllegalArgumentException("merge " + rank + " is \"" + merge + "\", not two tokens and one space");
            }
            left[rank] = piece(pieces, rank, merge.substring(0, space));
            right[rank] = piece(pieces, rank, merge.substring(space + 1));
            pieces.putIfAbsent(merge.substring(0, space) + merge.substring(space + 1), BpeTokenizer.BYTES + rank);
        }
        return new BpeTokenizer(specialTokens, left, right);
    }

    private static int piece(Map<String, Integer> pieces, int rank, String token) {
        Integer piece = pieces.get(token);
        if (piece == null) {
            throw new IllegalArgumentException("merge " + rank + " uses \"" + token + "\", which no earlier merge makes");
        }
        return piece;
    }
}
