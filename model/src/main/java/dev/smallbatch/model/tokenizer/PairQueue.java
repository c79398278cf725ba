package dev.smallbatch.model.tokenizer;

import java.util.Arrays;

/** A binary heap of pairs, highest count first; among equal counts the order given. */
final class PairQueue {
    private final Order order;
    private int[] pairs = new int[1024];
    private long[] counts = new long[1024];
    private int size;

    /** Breaks ties of counts. */
    @FunctionalInterface
    interface Order {
        boolean before(int pair, int other);
    }

    PairQueue(Order order) {
        this.order = order;
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** The count with which the first pair was offered. */
    long topCount() {
        return counts[0];
    }

    void offer(int pair, long count) {
        if (size == pairs.length) {
            pairs = Arrays.copyOf(pairs, 2 * size);
            counts = Arrays.copyOf(counts, 2 * size);
        }
        int slot = size++;
        while (slot > 0) {
            int parent = slot - 1 >>> 1;
            if (!before(pair, count, pairs[parent], counts[parent])) {
                break;
            }
            pairs[slot] = pairs[parent];
            counts[slot] = counts[parent];
            slot = parent;
        }
        pairs[slot] = pair;
        counts[slot] = count;
    }

    int poll() {
        int top = pairs[0];
        int pair = pairs[--size];
        long count = counts[size];
        int slot = 0;
        int child = 1;
        while (child < size) {
            if (child + 1 < size && before(pairs[child + 1], counts[child + 1], pairs[child], counts[child])) {
                child++;
            }
            if (!before(pairs[child], counts[child], pair, count)) {
                break;
            }
            pairs[slot] = pairs[child];
            counts[slot] = counts[child];
            slot = child;
            child = 2 * slot + 1;
        }
        pairs[slot] = pair;
        counts[slot] = count;
        return top;
    }

    private boolean before(int pair, long count, int other, long otherCount) {
        return count > otherCount || count == otherCount && order.before(pair, other);
    }
}
