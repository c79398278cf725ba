package dev.smallbatch.model.tokenizer;

import java.util.Arrays;

/**
 * The state of BPE training: all distinct words as pieces, the count of every adjacent pair, for every pair the words that
 * (may) have it, and a queue of pairs by count. A merge visits the words of its pair alone and changes the counts around
 * each place where it applies.
 */
final class MergeLearner {
    private final long[] wordCounts;
    private final int[] wordStart;
    private final int[] wordLength;
    private final int[] pieces;

    private final PairTable pairs = new PairTable();
    private int pairsSeen;
    private int[] pairLeft = new int[1024];
    private int[] pairRight = new int[1024];
    private long[] pairCount = new long[1024];
    private int[][] pairWords = new int[1024][];
    private int[] pairWordsSize = new int[1024];

    private final byte[][] pieceBytes;
    private final int[] mergeLeft;
    private final int[] mergeRight;
    private int merges;
    private final PairQueue queue = new PairQueue(this::greater);

    MergeLearner(WordIndex words, long[] wordCounts, int maxMerges) {
        this.wordCounts = wordCounts;
        int count = words.size();
        wordStart = new int[count];
        wordLength = new int[count];
        pieces = new int[count == 0 ? 0 : words.end(count - 1)];
        for (int i = 0; i < pieces.length; i++) {
            pieces[i] = words.bytes()[i] & 0xFF;
        }
        mergeLeft = new int[maxMerges];
        mergeRight = new int[maxMerges];
        pieceBytes = new byte[BpeTokenizer.BYTES + maxMerges][];
        for (int b = 0; b < BpeTokenizer.BYTES; b++) {
            pieceBytes[b] = new byte[] {(byte) b};
        }
        for (int word = 0; word < count; word++) {
            wordStart[word] = words.start(word);
            wordLength[word] = words.end(word) - words.start(word);
            for (int i = words.start(word); i + 1 < words.end(word); i++) {
                appear(pieces[i], pieces[i + 1], word);
            }
        }
        offerFrom(0);
    }

    int merges() {
        return merges;
    }

    int[] leftPieces() {
        return Arrays.copyOf(mergeLeft, merges);
    }

    int[] rightPieces() {
        return Arrays.copyOf(mergeRight, merges);
    }

    /** Makes the next merge; false if no pair occurs often enough. */
    boolean mergeNext() {
        int pair = mostFrequent();
        if (pair < 0) {
            return false;
        }
        int left = pairLeft[pair];
        int right = pairRight[pair];
        int merged = BpeTokenizer.BYTES + merges;
        pieceBytes[merged] = Arrays.copyOf(pieceBytes[left], pieceBytes[left].length + pieceBytes[right].length);
        System.arraycopy(pieceBytes[right], 0, pieceBytes[merged], pieceBytes[left].length, pieceBytes[right].length);
        mergeLeft[merges] = left;
        mergeRight[merges] = right;
        merges++;

        int firstNew = pairsSeen;
        int[] words = pairWords[pair];
        int size = pairWordsSize[pair];
        pairWords[pair] = null;
        for (int i = 0; i < size; i++) {
            mergeWord(words[i], left, right, merged);
        }
        offerFrom(firstNew);
        return true;
    }

    /** The pair to merge, or -1. Counts in the queue may be too high, never too low: pairs gain only while they are new. */
    private int mostFrequent() {
        while (!queue.isEmpty()) {
            long queued = queue.topCount();
            int pair = queue.poll();
            if (pairCount[pair] == queued) {
                return pair;
            }
            offer(pair);
        }
        return -1;
    }

    private void mergeWord(int word, int left, int right, int merged) {
        int start = wordStart[word];
        int end = start + wordLength[word];
        int to = start;
        int from = start;
        while (from < end) {
            if (from + 1 < end && pieces[from] == left && pieces[from + 1] == right) {
                disappear(left, right, word);
                if (to > start) {
                    disappear(pieces[to - 1], left, word);
                    appear(pieces[to - 1], merged, word);
                }
                if (from + 2 < end) {
                    disappear(right, pieces[from + 2], word);
                    appear(merged, pieces[from + 2], word);
                }
                pieces[to++] = merged;
                from += 2;
            } else {
                pieces[to++] = pieces[from++];
            }
        }
        wordLength[word] = to - start;
    }

    private void disappear(int left, int right, int word) {
        pairCount[pairs.get(left, right)] -= wordCounts[word];
    }

    private void appear(int left, int right, int word) {
        int pair = pairs.get(left, right);
        if (pair == PairTable.ABSENT) {
            pair = newPair(left, right);
        }
        pairCount[pair] += wordCounts[word];
        int size = pairWordsSize[pair];
        // All places of one word come one after another, so looking at the last entry keeps the list free of repetitions.
        if (size > 0 && pairWords[pair][size - 1] == word) {
            return;
        }
        if (size == pairWords[pair].length) {
            pairWords[pair] = Arrays.copyOf(pairWords[pair], 2 * size);
        }
        pairWords[pair][size] = word;
        pairWordsSize[pair]++;
    }

    private int newPair(int left, int right) {
        if (pairsSeen == pairLeft.length) {
            int capacity = 2 * pairsSeen;
            pairLeft = Arrays.copyOf(pairLeft, capacity);
            pairRight = Arrays.copyOf(pairRight, capacity);
            pairCount = Arrays.copyOf(pairCount, capacity);
            pairWords = Arrays.copyOf(pairWords, capacity);
            pairWordsSize = Arrays.copyOf(pairWordsSize, capacity);
        }
        int pair = pairsSeen++;
        pairs.put(left, right, pair);
        pairLeft[pair] = left;
        pairRight[pair] = right;
        pairWords[pair] = new int[2];
        return pair;
    }

    private void offerFrom(int firstPair) {
        for (int pair = firstPair; pair < pairsSeen; pair++) {
            offer(pair);
        }
    }

    private void offer(int pair) {
        if (pairCount[pair] >= BpeTrainer.MIN_COUNT) {
            queue.offer(pair, pairCount[pair]);
        } else {
            pairWords[pair] = null;
        }
    }

    /** Whether pair {@code a} comes before pair {@code b} of the same count. */
    private boolean greater(int a, int b) {
        int order = Arrays.compareUnsigned(pieceBytes[pairLeft[a]], pieceBytes[pairLeft[b]]);
        if (order == 0) {
            order = Arrays.compareUnsigned(pieceBytes[pairRight[a]], pieceBytes[pairRight[b]]);
        }
        return order > 0;
    }
}
