package dev.smallbatch.core.rand;

import java.nio.charset.StandardCharsets;

/**
 * A place in the tree of random sequences: immutable, and a function of the seed and the path alone. Fork by name for a
 * purpose, by number for a step: {@code RandomKey.of(7).fork("init").fork("h.3.attn.qkv.weight")}, {@code key.at(step)}.
 *
 * <p>A child's bits are the first two words of one {@link Philox} block under the parent's bits, at a counter that no word
 * of the parent's own sequence uses: low half the 64-bit FNV-1a hash of the name (UTF-8) and high half 1, or low half
 * the step and high half 2.
 *
 * @param bits the Philox key
 */
public record RandomKey(long bits) {
    private static final long NAMED = 1;
    private static final long NUMBERED = 2;

    /** The root of a run: its bits are the seed. */
    public static RandomKey of(long seed) {
        return new RandomKey(seed);
    }

    /** The child for a purpose; different names give independent sequences. */
    public RandomKey fork(String name) {
        long hash = 0xCBF29CE484222325L;
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xFF)) * 0x100000001B3L;
        }
        return child(hash, NAMED);
    }

    /** The child for a step, an epoch or any other count. */
    public RandomKey at(long step) {
        return child(step, NUMBERED);
    }

    private RandomKey child(long low, long kind) {
        int[] words = new int[4];
        Philox.block(bits, low, kind, words);
        return new RandomKey(Integer.toUnsignedLong(words[0]) | (long) words[1] << 32);
    }

    /** 32 random bits. */
    public int word(long index) {
        return Philox.word(bits, index);
    }

    /** {@code word(index) / 2^32} in [0, 1), exact in double; cast to float it can round up to 1. */
    public double uniform(long index) {
        return Integer.toUnsignedLong(word(index)) * 0x1p-32;
    }

    /** A standard normal number: element {@code index mod 4} of the four that Box and Muller make of the index's block. */
    public double normal(long index) {
        int[] words = new int[4];
        double[] normals = new double[4];
        Philox.block(bits, index >>> 2, words);
        BoxMuller.fourNormals(words, normals);
        return normals[(int) index & 3];
    }
}
