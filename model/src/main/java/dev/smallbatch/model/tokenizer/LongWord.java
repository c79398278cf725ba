package dev.smallbatch.model.tokenizer;

import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * A long word while it is merged: a linked list of pieces and a queue of its pairs by (merge, position), so that n bytes take
 * O(n log n). A queued pair whose pieces have changed since is recognized and dropped when its turn comes.
 */
final class LongWord {
    private static final int GONE = -1;

    private final PairTable ranks;
    private final int[] piece;
    private final int[] next;
    private final int[] previous;
    private long[] heap;
    private int heapSize;

    LongWord(byte[] utf8, int start, int end, PairTable ranks) {
        int count = end - start;
        this.ranks = ranks;
        piece = new int[count];
        next = new int[count];
        previous = new int[count];
        heap = new long[count];
        for (int i = 0; i < count; i++) {
            piece[i] = utf8[start + i] & 0xFF;
            previous[i] = i - 1;
            next[i] = i + 1;
        }
    }

    void merge() {
        for (int i = 0; i + 1 < piece.length; i++) {
            offer(i);
        }
        while (heapSize > 0) {
            long top = poll();
            int rank = (int) (top >>> 32);
            int i = (int) top;
            if (piece[i] != GONE && next[i] < piece.length && ranks.get(piece[i], piece[next[i]]) == rank) {
                join(i, BpeTokenizer.BYTES + rank);
            }
        }
    }

    /** Visits the pieces in order. */
    void forEach(IntConsumer visitor) {
        for (int i = 0; i < piece.length; i = next[i]) {
            visitor.accept(piece[i]);
        }
    }

    private void join(int i, int merged) {
        int second = next[i];
        piece[i] = merged;
        piece[second] = GONE;
        next[i] = next[second];
        if (next[i] < piece.length) {
            previous[next[i]] = i;
            offer(i);
        }
        if (previous[i] >= 0) {
            offer(previous[i]);
        }
    }

    private void offer(int i) {
        int rank = ranks.get(piece[i], piece[next[i]]);
        if (rank == PairTable.ABSENT) {
            return;
        }
        if (heapSize == heap.length) {
            heap = Arrays.copyOf(heap, 2 * heapSize);
        }
        long key = (long) rank << 32 | i;
        int slot = heapSize++;
        while (slot > 0 && heap[slot - 1 >>> 1] > key) {
            heap[slot] = heap[slot - 1 >>> 1];
            slot = slot - 1 >>> 1;
        }
        heap[slot] = key;
    }

    private long poll() {
        long top = heap[0];
        long last = heap[--heapSize];
        int slot = 0;
        int child = 1;
        while (child < heapSize) {
            if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= last) {
                break;
            }
            heap[slot] = heap[child];
            slot = child;
            child = 2 * slot + 1;
        }
        heap[slot] = last;
        return top;
    }
}
