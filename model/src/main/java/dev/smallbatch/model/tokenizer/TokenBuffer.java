package dev.smallbatch.model.tokenizer;

import java.util.Arrays;
import java.util.Objects;

/** A growing array of token ids. Owned by its creator, one thread. */
public final class TokenBuffer {
    private static final int SOFT_MAX_LENGTH = Integer.MAX_VALUE - 8;

    private int[] ids = new int[64];
    private int size;

    /** An empty buffer. */
    public TokenBuffer() {}

    /** Number of ids. */
    public int size() {
        return size;
    }

    /** The id at a position. */
    public int get(int index) {
        return ids[Objects.checkIndex(index, size)];
    }

    /** Appends an id. */
    public void add(int id) {
        if (size == ids.length) {
            grow(1);
        }
        ids[size++] = id;
    }

    /** Appends {@code count} ids of {@code source} from position {@code from} on. */
    public void add(int[] source, int from, int count) {
        if (count > ids.length - size) {
            grow(count);
        }
        System.arraycopy(source, from, ids, size, count);
        size += count;
    }

    /** Forgets all ids and keeps the memory. */
    public void clear() {
        size = 0;
    }

    /** The ids, a copy. */
    public int[] toArray() {
        return Arrays.copyOf(ids, size);
    }

    /** The array behind the buffer, valid up to {@link #size()} and until the next append: for bulk reading without a copy. */
    public int[] array() {
        return ids;
    }

    private void grow(int atLeast) {
        if (atLeast > SOFT_MAX_LENGTH - size) {
            throw new IllegalStateException("token buffer: more than " + SOFT_MAX_LENGTH + " ids; encode the text in parts");
        }
        long doubled = Math.max(2L * ids.length, (long) size + atLeast);
        ids = Arrays.copyOf(ids, (int) Math.min(doubled, SOFT_MAX_LENGTH));
    }
}
