package dev.smallbatch.tck;

/** Rounding to BF16 and the random bits of its stochastic form, by their definitions. */
final class ElementwiseOracle {
    private ElementwiseOracle() {}

    /** The upper 16 bits of the float nearest among those with a zero lower half; ties to the even upper half. */
    static int nearest(int bits) {
        if (!Float.isFinite(Float.intBitsToFloat(bits))) {
            return special(bits);
        }
        int upper = bits >>> 16;
        int lower = bits & 0xFFFF;
        boolean up = lower > 0x8000 || lower == 0x8000 && (upper & 1) == 1;
        return up ? upper + 1 : upper;
    }

    /** The upper half after 16 random bits have been added. */
    static int stochastic(int bits, int random) {
        return Float.isFinite(Float.intBitsToFloat(bits)) ? bits + random >>> 16 : special(bits);
    }

    private static int special(int bits) {
        return Float.isNaN(Float.intBitsToFloat(bits)) ? 0x7FC0 : bits >>> 16;
    }

    /** The 16 random bits of element {@code i}: the upper half of word i mod 4 of the Philox block at counter i / 4. */
    static int randomBits(long key, long i) {
        int[] counter = {(int) (i / 4), (int) (i / 4 >>> 32), 0, 0};
        return philox(counter, (int) key, (int) (key >>> 32))[(int) (i % 4)] >>> 16;
    }

    /** Philox4x32-10 as Salmon et al. 2011 define it. */
    static int[] philox(int[] counter, int key0, int key1) {
        int[] x = counter;
        for (int round = 0; round < 10; round++) {
            long first = (x[0] & 0xFFFFFFFFL) * 0xD2511F53L;
            long second = (x[2] & 0xFFFFFFFFL) * 0xCD9E8D57L;
            x = new int[] {(int) (second >>> 32) ^ x[1] ^ key0, (int) second, (int) (first >>> 32) ^ x[3] ^ key1, (int) first};
            key0 += 0x9E3779B9;
            key1 += 0xBB67AE85;
        }
        return x;
    }
}
