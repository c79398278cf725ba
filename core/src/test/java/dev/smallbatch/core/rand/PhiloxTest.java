package dev.smallbatch.core.rand;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Known answers are those published with Random123 (kat_vectors, philox4x32 10). */
class PhiloxTest {

    @Test
    void zeroCounterAndZeroKeyGiveThePublishedBlock() {
        assertEquals("6627e8d5 e169c58d bc57ac4c 9b00dbd8", block(0, 0, 0));
    }

    @Test
    void allOnesGiveThePublishedBlock() {
        assertEquals("408f276d 41c83b0e a20bc7c6 6d5451fd", block(-1, -1, -1));
    }

    @Test
    void digitsOfPiGiveThePublishedBlock() {
        assertEquals("d16cfe09 94fdcceb 5001e420 24126ea1",
                block(0x299f31d0_a4093822L, 0x85a308d3_243f6a88L, 0x03707344_13198a2eL));
    }

    @Test
    void wordIsAnEntryOfTheBlockThatHoldsItsIndex() {
        long[] counters = {0, 1, 0xFFFFFFFFL, 0x100000000L, 0x3FFFFFFFFFFFFFFFL};
        long key = 0x0123456789ABCDEFL;
        int[] block = new int[4];
        for (long counter : counters) {
            Philox.block(key, counter, block);
            int[] words = new int[4];
            for (int i = 0; i < 4; i++) {
                words[i] = Philox.word(key, counter * 4 + i);
            }
            assertArrayEquals(block, words, "counter " + counter);
        }
    }

    /** Halves of the published block at counter 0 under key 0, and every half of eight blocks exactly once. */
    @Test
    void halvesOfEightBlocksAreDealtToSixtyFourElements() {
        assertEquals(0xe8d5, Philox.half(0, 0));
        assertEquals(0xc58d, Philox.half(0, 1));
        assertEquals(0x6627, Philox.half(0, 16));
        assertEquals(0xe169, Philox.half(0, 17));
        assertEquals(0xac4c, Philox.half(0, 32));
        assertEquals(0xdbd8, Philox.half(0, 33));
        assertEquals(0xbc57, Philox.half(0, 48));
        assertEquals(0x9b00, Philox.half(0, 49));
        long key = 0x0123456789ABCDEFL;
        for (long tile : new long[] {0, 5, 1L << 40}) {
            List<Integer> expected = new ArrayList<>();
            List<Integer> dealt = new ArrayList<>();
            int[] block = new int[4];
            for (int i = 0; i < 64; i++) {
                Philox.block(key, tile * 8 + i / 8, block);
                expected.add(block[i % 8 / 2] >>> i % 2 * 16 & 0xFFFF);
                dealt.add(Philox.half(key, tile * 64 + i));
            }
            Collections.sort(expected);
            Collections.sort(dealt);
            assertEquals(expected, dealt, "tile " + tile);
        }
    }

    private static String block(long key, long low, long high) {
        int[] out = new int[4];
        Philox.block(key, low, high, out);
        HexFormat hex = HexFormat.of();
        return hex.toHexDigits(out[0]) + " " + hex.toHexDigits(out[1]) + " " + hex.toHexDigits(out[2]) + " "
                + hex.toHexDigits(out[3]);
    }
}
