package dev.smallbatch.model.tokenizer;

import java.util.Arrays;

/** Distinct byte strings, numbered from 0 in order of first appearance: a hash set whose bytes lie in one array. */
final class WordIndex {
    private static final int INITIAL_CAPACITY = 256;
    private static final int MAX_SLOTS = 1 << 30;
    private static final int MAX_BYTES = Integer.MAX_VALUE - 8;

    private int[] slots = new int[INITIAL_CAPACITY];
    private int[] hashes = new int[INITIAL_CAPACITY];
    private int[] ends = new int[INITIAL_CAPACITY];
    private byte[] bytes = new byte[8 * INITIAL_CAPACITY];
    private int size;

    int size() {
        return size;
    }

    int start(int word) {
        return word == 0 ? 0 : ends[word - 1];
    }

    int end(int word) {
        return ends[word];
    }

    /** The array behind all words, valid until the next {@link #add}. */
    byte[] bytes() {
        return bytes;
    }

    /** The number of the word {@code [from, to)} of {@code source}; equal to the size before the call if it is new. */
    int add(byte[] source, int from, int to) {
        int hash = hash(source, from, to);
        int mask = slots.length - 1;
        int slot = hash & mask;
        while (slots[slot] != 0) {
            int word = slots[slot] - 1;
            if (hashes[word] == hash && Arrays.equals(bytes, start(word), ends[word], source, from, to)) {
                return word;
            }
            slot = slot + 1 & mask;
        }
        append(source, from, to, hash);
        slots[slot] = size;
        if (size > slots.length / 2) {
            growSlots();
        }
        return size - 1;
    }

    private void append(byte[] source, int from, int to, int hash) {
        int start = size == 0 ? 0 : ends[size - 1];
        if (to - from > MAX_BYTES - start) {
            throw new IllegalStateException("word table: more than 2 GiB of distinct words; use less text");
        }
        int end = start + to - from;
        if (end > bytes.length) {
            bytes = Arrays.copyOf(bytes, (int) Math.min(MAX_BYTES, Math.max(2L * bytes.length, end)));
        }
        if (size == ends.length) {
            ends = Arrays.copyOf(ends, 2 * size);
            hashes = Arrays.copyOf(hashes, 2 * size);
        }
        System.arraycopy(source, from, bytes, start, to - from);
        ends[size] = end;
        hashes[size] = hash;
        size++;
    }

    private void growSlots() {
        if (slots.length == MAX_SLOTS) {
            throw new IllegalStateException("word table: more than " + size + " distinct words; use less text");
        }
        slots = new int[2 * slots.length];
        int mask = slots.length - 1;
        for (int word = 0; word < size; word++) {
            int slot = hashes[word] & mask;
            while (slots[slot] != 0) {
                slot = slot + 1 & mask;
            }
            slots[slot] = word + 1;
        }
    }

    private static int hash(byte[] source, int from, int to) {
        long hash = to - from;
        for (int i = from; i < to; i++) {
            hash = (hash ^ source[i]) * 0x9E3779B97F4A7C15L;
            hash ^= hash >>> 32;
        }
        return (int) hash;
    }
}
