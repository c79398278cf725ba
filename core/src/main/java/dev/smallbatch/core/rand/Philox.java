package dev.smallbatch.core.rand;

/**
 * Philox4x32-10: a keyed bijection from 128-bit counters to blocks of four 32-bit words. No state, no allocation, any
 * thread.
 *
 * <p>Words are numbered by a 64-bit index: word i is word (i mod 4) of the block whose counter holds floor(i / 4) in its
 * two low words and zero in its two high words. The key is one long, low word first. Stochastic rounding takes half words,
 * numbered by {@link #half}.
 *
 * @see <a href="https://doi.org/10.1145/2063384.2063405">Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3</a>
 */
public final class Philox {
    private static final int ROUNDS = 10;
    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;
    private static final long LOW = 0xFFFFFFFFL;

    private Philox() {}

    /** Word {@code index} (unsigned) of the sequence of {@code key}. */
    public static int word(long key, long index) {
        int key0 = (int) key;
        int key1 = (int) (key >>> 32);
        int x0 = (int) (index >>> 2);
        int x1 = (int) (index >>> 34);
        int x2 = 0;
        int x3 = 0;
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = MULTIPLIER_0 * (x0 & LOW);
            long product1 = MULTIPLIER_1 * (x2 & LOW);
            x0 = (int) (product1 >>> 32) ^ x1 ^ key0;
            x1 = (int) product1;
            x2 = (int) (product0 >>> 32) ^ x3 ^ key1;
            x3 = (int) product0;
            key0 += WEYL_0;
            key1 += WEYL_1;
        }
        return switch ((int) index & 3) {
            case 0 -> x0;
            case 1 -> x1;
            case 2 -> x2;
            default -> x3;
        };
    }

    /**
     * The 16 random bits of element {@code index} of a tensor: every word serves two elements, every block eight. Elements
     * come in tiles of 64, which share 8 blocks, and tiles in runs of 16, so that a vector of neighbours takes the words of
     * neighbouring blocks: with {@code run = index % 64 / 16} and {@code place = index % 16} it is word
     * {@code run / 2 * 2 + place % 2} of block {@code index / 64 * 8 + place / 2}, its lower half if run is even, else its
     * upper half.
     *
     * @param index at least 0
     * @return from 0 to 65535
     */
    public static int half(long key, long index) {
        int run = (int) (index & 63) >>> 4;
        int place = (int) index & 15;
        long block = (index >>> 6 << 3) + (place >>> 1);
        int word = word(key, block << 2 | (run & 2) + (place & 1));
        return (run & 1) == 0 ? word & 0xFFFF : word >>> 16;
    }

    /** Words {@code 4 counter} to {@code 4 counter + 3} of the sequence of {@code key}, into {@code out4}. */
    public static void block(long key, long counter, int[] out4) {
        block(key, counter, 0, out4);
    }

    /** The block at the 128-bit counter {@code high : low}, low word first; a non-zero {@code high} is no word's block. */
    static void block(long key, long low, long high, int[] out4) {
        int key0 = (int) key;
        int key1 = (int) (key >>> 32);
        int x0 = (int) low;
        int x1 = (int) (low >>> 32);
        int x2 = (int) high;
        int x3 = (int) (high >>> 32);
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = MULTIPLIER_0 * (x0 & LOW);
            long product1 = MULTIPLIER_1 * (x2 & LOW);
            x0 = (int) (product1 >>> 32) ^ x1 ^ key0;
            x1 = (int) product1;
            x2 = (int) (product0 >>> 32) ^ x3 ^ key1;
            x3 = (int) product0;
            key0 += WEYL_0;
            key1 += WEYL_1;
        }
        out4[0] = x0;
        out4[1] = x1;
        out4[2] = x2;
        out4[3] = x3;
    }
}
