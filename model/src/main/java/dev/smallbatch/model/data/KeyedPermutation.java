package dev.smallbatch.model.data;

import dev.smallbatch.core.rand.RandomKey;
import java.util.Objects;

/**
 * A pseudo-random permutation of {@code [0, size)} that is a function of its key and keeps no table: a Feistel network over the
 * smallest even number of bits that holds the size, applied again while the result is too large (at most four times as many
 * values as needed, so fewer than four rounds of that on average).
 *
 * @see <a href="https://doi.org/10.1007/3-540-45760-7_9">Black and Rogaway 2002, Ciphers with arbitrary finite domains</a>
 */
final class KeyedPermutation {
    private static final int ROUNDS = 8;

    private final RandomKey key;
    private final long size;
    private final int halfBits;

    KeyedPermutation(RandomKey key, long size) {
        if (size < 1 || size > 1L << 62) {
            throw new IllegalArgumentException("permutation: size " + size + "; from 1 to 2^62");
        }
        this.key = key;
        this.size = size;
        int bits = Long.SIZE - Long.numberOfLeadingZeros(size - 1);
        this.halfBits = Math.max(1, (bits + 1) / 2);
    }

    /** The element at a position. */
    long at(long position) {
        Objects.checkIndex(position, size);
        long value = position;
        do {
            value = encrypt(value);
        } while (value >= size);
        return value;
    }

    private long encrypt(long value) {
        long mask = (1L << halfBits) - 1;
        long left = value >>> halfBits;
        long right = value & mask;
        for (int round = 0; round < ROUNDS; round++) {
            long mixed = left ^ key.word(right * ROUNDS + round) & mask;
            left = right;
            right = mixed;
        }
        return left << halfBits | right;
    }
}
