package dev.smallbatch.core.cpu.vector;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The random bits of stochastic rounding, {@link dev.smallbatch.core.rand.Philox#half} of consecutive elements. A tile of 128
 * elements takes the four words of 16 blocks. A vector of longs holds one word of every second block, so that a
 * multiplication of 32 bits by 32 gives both halves of its product in place; the upper halves of lanes are never read.
 */
final class RoundingNoise {
    /** Elements that share 8 blocks. */
    static final int TILE = 64;
    /** Neighbouring elements that take neighbouring words. */
    private static final int RUN = 16;
    private static final int L = Lanes.COUNT;
    private static final VectorSpecies<Long> LONGS = VectorSpecies.of(long.class, Lanes.SPECIES.vectorShape());
    private static final LongVector ASCENDING = LongVector.zero(LONGS).addIndex(1);
    private static final long LOW = 0xFFFFFFFFL;
    private static final int ROUNDS = 10;
    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;

    private RoundingNoise() {}

    /** {@code to[i] = Philox.half(key, from + i)} for i below count, and beyond to the end of the last tile. */
    static void fill(int[] to, long key, long from, int count) {
        for (int at = 0; at < count; at += TILE) {
            for (int run = 0; run < RUN; run += L) {
                blocks(to, at + run, key, (from + at) / 8 + run / 2);
            }
        }
    }

    /** L / 2 blocks from {@code counter} on, whose words are the bits of four times L elements. */
    private static void blocks(int[] to, int at, long key, long counter) {
        LongVector x0 = ASCENDING.add(counter);
        LongVector x1 = x0.lanewise(VectorOperators.LSHR, 32);
        LongVector x2 = LongVector.zero(LONGS);
        LongVector x3 = LongVector.zero(LONGS);
        int key0 = (int) key;
        int key1 = (int) (key >>> 32);
        for (int round = 0; round < ROUNDS; round++) {
            LongVector p = x0.and(LOW).mul(MULTIPLIER_0);
            LongVector q = x2.and(LOW).mul(MULTIPLIER_1);
            x0 = q.lanewise(VectorOperators.LSHR, 32).lanewise(VectorOperators.XOR, x1).lanewise(VectorOperators.XOR, key0);
            x2 = p.lanewise(VectorOperators.LSHR, 32).lanewise(VectorOperators.XOR, x3).lanewise(VectorOperators.XOR, key1);
            x1 = q;
            x3 = p;
            key0 += WEYL_0;
            key1 += WEYL_1;
        }
        pair(to, at, x0, x1);
        pair(to, at + 2 * RUN, x2, x3);
    }

    /** Two words of every block side by side: their lower halves for L elements, their upper halves for L of the next run. */
    private static void pair(int[] to, int at, LongVector first, LongVector second) {
        IntVector words = first.and(LOW).or(second.lanewise(VectorOperators.LSHL, 32)).reinterpretAsInts();
        words.and(0xFFFF).intoArray(to, at);
        words.lanewise(VectorOperators.LSHR, 16).intoArray(to, at + RUN);
    }
}
