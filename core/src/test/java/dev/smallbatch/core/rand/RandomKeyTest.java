package dev.smallbatch.core.rand;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RandomKeyTest {
    private static final RandomKey KEY = RandomKey.of(20250707);

    @Test
    void sameSeedAndPathGiveTheSameKey() {
        assertEquals(RandomKey.of(7).fork("init").fork("h.3").at(5), RandomKey.of(7).fork("init").fork("h.3").at(5));
    }

    @Test
    void forksOfEveryKindDifferFromEachOtherAndFromTheirParent() {
        Set<RandomKey> keys = new HashSet<>();
        int made = 0;
        for (long seed = 0; seed < 4; seed++) {
            RandomKey root = RandomKey.of(seed);
            made += keys.add(root) ? 1 : 0;
            for (int i = 0; i < 1000; i++) {
                made += keys.add(root.fork("" + i)) ? 1 : 0;
                made += keys.add(root.at(i)) ? 1 : 0;
                made += keys.add(root.fork("a").fork("" + i)) ? 1 : 0;
            }
        }
        assertEquals(4 * 3001, made);
        assertEquals(made, keys.size());
    }

    @Test
    void orderOfForksMatters() {
        assertTrue(!KEY.fork("a").fork("b").equals(KEY.fork("b").fork("a")));
    }

    @Test
    void keysArePinnedSoThatOldSeedsKeepTheirMeaning() {
        // Both from a separate program that follows the class comment.
        assertEquals(0xbb7916c3bf1cd517L, RandomKey.of(0).fork("init").bits());
        assertEquals(0x2299a39078130effL, RandomKey.of(0).at(1).bits());
    }

    @Test
    void uniformIsTheWordOverTwoToTheThirtyTwo() {
        for (long i = 0; i < 100; i++) {
            assertEquals(Integer.toUnsignedLong(KEY.word(i)) / 4294967296.0, KEY.uniform(i));
        }
    }

    @Test
    void uniformHasTheMomentsAndTheSpreadOfAUniform() {
        int n = 200_000;
        double sum = 0;
        double squares = 0;
        int[] bins = new int[20];
        for (int i = 0; i < n; i++) {
            double u = KEY.uniform(i);
            sum += u;
            squares += u * u;
            bins[(int) (u * 20)]++;
        }
        assertEquals(0.5, sum / n, 4 * Math.sqrt(1.0 / 12 / n), KEY.toString());
        assertEquals(1.0 / 3, squares / n, 4 * Math.sqrt(4.0 / 45 / n), KEY.toString());
        for (int bin : bins) {
            assertEquals(n / 20.0, bin, 5 * Math.sqrt(n * 0.05 * 0.95), KEY.toString());
        }
    }

    @Test
    void normalHasTheMomentsOfANormal() {
        int n = 200_000;
        double[] sums = new double[5];
        double pairs = 0;
        for (int i = 0; i < n; i++) {
            double x = KEY.normal(i);
            for (int p = 1; p <= 4; p++) {
                sums[p] += Math.pow(x, p);
            }
            pairs += x * KEY.normal(i ^ 1);
        }
        double root = Math.sqrt(n);
        assertEquals(0, sums[1] / n, 4 / root, KEY.toString());
        assertEquals(1, sums[2] / n, 4 * Math.sqrt(2) / root, KEY.toString());
        assertEquals(0, sums[3] / n, 4 * Math.sqrt(15) / root, KEY.toString());
        assertEquals(3, sums[4] / n, 4 * Math.sqrt(96) / root, KEY.toString());
        assertEquals(0, pairs / n, 4 * Math.sqrt(2) / root, "partners of one pair, " + KEY);
    }

    @Test
    void normalIsBoxMullerOfTheWordsOfItsBlock() {
        for (long i = 0; i < 20_000; i++) {
            long first = i & ~1L;
            double radius = Math.sqrt(-2 * Math.log((Integer.toUnsignedLong(KEY.word(first)) + 0.5) / 4294967296.0));
            double angle = 2 * Math.PI * KEY.uniform(first + 1);
            double expected = radius * ((i & 1) == 0 ? Math.cos(angle) : Math.sin(angle));
            assertEquals(expected, KEY.normal(i), 1e-12, "index " + i + " of " + KEY);
        }
    }

    @Test
    void extremeWordsGiveFiniteNormals() {
        int[] extremes = {0, 1, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, 0x20000000, 0x1FFFFFFF, 0xE0000000,
            0x40000000, 0xC0000000};
        double[] out = new double[4];
        for (int radius : extremes) {
            for (int angle : extremes) {
                BoxMuller.fourNormals(new int[] {radius, angle, radius, angle}, out);
                double r = Math.sqrt(-2 * Math.log((Integer.toUnsignedLong(radius) + 0.5) / 4294967296.0));
                double a = 2 * Math.PI * Integer.toUnsignedLong(angle) / 4294967296.0;
                assertEquals(r * Math.cos(a), out[0], 1e-12, radius + " " + angle);
                assertEquals(r * Math.sin(a), out[3], 1e-12, radius + " " + angle);
                assertTrue(Math.abs(out[0]) < 6.8 && Math.abs(out[1]) < 6.8);
            }
        }
    }
}
