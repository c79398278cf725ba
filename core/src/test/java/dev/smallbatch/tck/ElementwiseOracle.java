package dev.smallbatch.tck;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import java.util.List;

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

    /** Every float rounded to BF16. */
    static int[] rounded(int[] floats, Rounding rounding, long key) {
        int[] random = rounding == Rounding.STOCHASTIC ? randomBits(key, floats.length) : null;
        int[] rounded = new int[floats.length];
        for (int i = 0; i < rounded.length; i++) {
            rounded[i] = random == null ? nearest(floats[i]) : stochastic(floats[i], random[i]);
        }
        return rounded;
    }

    /**
     * Float results that were then rounded to BF16: any number between the roundings of both ends of the permitted range.
     * Rounding with given random bits preserves order.
     */
    static Expected rounded(Expected result, Rounding rounding, long key) {
        int n = result.value().length;
        int[] low = new int[n];
        int[] high = new int[n];
        for (int i = 0; i < n; i++) {
            low[i] = Float.floatToRawIntBits((float) (result.value()[i] - result.bound()[i]));
            high[i] = Float.floatToRawIntBits((float) (result.value()[i] + result.bound()[i]));
        }
        double[] from = Bits.toDoubles(DType.BF16, rounded(low, rounding, key));
        double[] to = Bits.toDoubles(DType.BF16, rounded(high, rounding, key));
        double[] bound = new double[n];
        for (int i = 0; i < n; i++) {
            bound[i] = from[i] == to[i] ? 0 : (to[i] - from[i]) / 2;
            from[i] += bound[i];
        }
        return new Expected(from, bound);
    }

    /** Halves for floats: rounded with ties away from zero, and a float of which what was there can be restored. */
    static List<Expected> exchanged(int[] halves, int[] floats) {
        int[] rounded = new int[halves.length];
        int[] kept = new int[halves.length];
        for (int i = 0; i < halves.length; i++) {
            boolean up = (floats[i] & 0x8000) != 0;
            rounded[i] = (up ? floats[i] + 0x10000 : floats[i]) >>> 16;
            kept[i] = (up ? halves[i] - 1 : halves[i]) << 16 | floats[i] & 0xFFFF;
        }
        return List.of(Expected.exact(Bits.toDoubles(DType.BF16, rounded)), Expected.exact(Bits.toDoubles(DType.F32, kept)));
    }

    /**
     * The 16 random bits of every element. Eight Philox blocks of four words have 64 halves, which are dealt to 64 elements:
     * the lower halves of words 0 and 1 of block after block to elements 0 to 15, their upper halves to 16 to 31, and so
     * words 2 and 3 to the others.
     */
    static int[] randomBits(long key, int count) {
        int[] bits = new int[(count + 63) / 64 * 64];
        for (int block = 0; block < bits.length / 8; block++) {
            int[] words = philox(new int[] {block, 0, 0, 0}, (int) key, (int) (key >>> 32));
            for (int word = 0; word < 4; word++) {
                int place = block / 8 * 64 + word / 2 * 32 + block % 8 * 2 + word % 2;
                bits[place] = words[word] & 0xFFFF;
                bits[place + 16] = words[word] >>> 16;
            }
        }
        return bits;
    }

    /** The key of one step: two words of the block under the parameter's key at the step's number, with a 2 behind it. */
    static long keyOfStep(long key, long step) {
        int[] words = philox(new int[] {(int) step, (int) (step >>> 32), 2, 0}, (int) key, (int) (key >>> 32));
        return words[0] & 0xFFFFFFFFL | (long) words[1] << 32;
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
