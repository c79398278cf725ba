package dev.smallbatch.model.tokenizer;

import java.util.Arrays;

/**
 * A hash map from pairs of token ids to non-negative ints, with open addressing in two primitive arrays. Ids are not
 * negative. Reading from several threads is safe while nobody writes.
 */
public final class PairTable {
    /** What {@link #get} returns for a pair that is not there. */
    public static final int ABSENT = -1;

    private static final long EMPTY = -1;
    private static final int INITIAL_CAPACITY = 256;
    private static final int MAX_CAPACITY = 1 << 30;

    private long[] keys = new long[INITIAL_CAPACITY];
    private int[] values = new int[INITIAL_CAPACITY];
    private int size;

    /** An empty table. */
    public PairTable() {
        Arrays.fill(keys, EMPTY);
    }

    /** Number of pairs. */
    public int size() {
        return size;
    }

    /** The value of a pair, or {@link #ABSENT}. */
    public int get(int left, int right) {
        int slot = slot(keys, key(left, right));
        return keys[slot] == EMPTY ? ABSENT : values[slot];
    }

    /** Sets the value of a pair and returns the one before, or {@link #ABSENT}. */
    public int put(int left, int right, int value) {
        int slot = slot(keys, key(left, right));
        if (keys[slot] != EMPTY) {
            int before = values[slot];
            values[slot] = value;
            return before;
        }
        insert(slot, key(left, right), value);
        return ABSENT;
    }

    /** Adds to the value of a pair, which starts at 0; returns the sum. */
    public int add(int left, int right, int amount) {
        int slot = slot(keys, key(left, right));
        if (keys[slot] != EMPTY) {
            values[slot] = Math.addExact(values[slot], amount);
            return values[slot];
        }
        insert(slot, key(left, right), amount);
        return amount;
    }

    /** Visits all pairs in an order that depends on the pairs and the insertions alone. */
    public void forEach(Visitor visitor) {
        for (int slot = 0; slot < keys.length; slot++) {
            if (keys[slot] != EMPTY) {
                visitor.visit((int) (keys[slot] >>> 32), (int) keys[slot], values[slot]);
            }
        }
    }

    /** What {@link #forEach} calls. */
    @FunctionalInterface
    public interface Visitor {
        /** One pair and its value. */
        void visit(int left, int right, int value);
    }

    private void insert(int slot, long key, int value) {
        keys[slot] = key;
        values[slot] = value;
        size++;
        if (size > keys.length / 2) {
            grow();
        }
    }

    private void grow() {
        if (keys.length == MAX_CAPACITY) {
            throw new IllegalStateException("pair table: more than " + size + " distinct pairs");
        }
        long[] biggerKeys = new long[2 * keys.length];
        int[] biggerValues = new int[2 * keys.length];
        Arrays.fill(biggerKeys, EMPTY);
        for (int old = 0; old < keys.length; old++) {
            if (keys[old] != EMPTY) {
                int slot = slot(biggerKeys, keys[old]);
                biggerKeys[slot] = keys[old];
                biggerValues[slot] = values[old];
            }
        }
        keys = biggerKeys;
        values = biggerValues;
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right;
    }

    /** The slot of the key, or the empty one where it belongs. */
    private static int slot(long[] keys, long key) {
        int mask = keys.length - 1;
        // Fibonacci hashing: the high bits of the product depend on all bits of the key.
        int slot = (int) (key * 0x9E3779B97F4A7C15L >>> 34) & mask;
        while (keys[slot] != key && keys[slot] != EMPTY) {
            slot = slot + 1 & mask;
        }
        return slot;
    }
}
