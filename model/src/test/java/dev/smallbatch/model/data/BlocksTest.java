package dev.smallbatch.model.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.optim.train.BatchSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The order of training and validation sequences. Token i of the test shard is i, so a block shows where it begins. */
class BlocksTest {
    @TempDir
    Path directory;

    @Test
    void everyEpochVisitsEveryBlockOnceInAnOrderOfItsOwn() throws Exception {
        RandomWindows windows = new RandomWindows(counting(1001), 1, 10, 7);
        assertEquals(100, windows.blocks());
        List<Integer> first = starts(windows, 0, 100, 1, 10);
        List<Integer> second = starts(windows, 100, 100, 1, 10);
        Set<Integer> all = new HashSet<>(IntStream.range(0, 100).map(i -> 10 * i).boxed().toList());
        assertEquals(all, new HashSet<>(first));
        assertEquals(all, new HashSet<>(second));
        assertNotEquals(first, second);
        assertNotEquals(first, first.stream().sorted().toList());
    }

    @Test
    void theTargetOfEachTokenIsTheNextOne() throws Exception {
        RandomWindows windows = new RandomWindows(counting(1001), 3, 10, 7);
        int[] tokens = new int[30];
        int[] targets = new int[30];
        for (int step = 0; step < 40; step++) {
            windows.fill(step, tokens, targets);
            for (int i = 0; i < 30; i++) {
                assertEquals(tokens[i] + 1, targets[i]);
                assertEquals(i % 10 == 0 ? tokens[i] : tokens[i - 1] + 1, tokens[i]);
            }
        }
    }

    @Test
    void theOrderOfSequencesDoesNotDependOnTheBatchSize() throws Exception {
        TokenShard shard = counting(333);
        List<Integer> one = starts(new RandomWindows(shard, 1, 8, 3), 0, 120, 1, 8);
        assertEquals(one, starts(new RandomWindows(shard, 5, 8, 3), 0, 24, 5, 8));
        assertEquals(one, starts(new RandomWindows(shard, 60, 8, 3), 0, 2, 60, 8));
    }

    @Test
    void aStepDependsOnItsNumberAndTheSeedAlone() throws Exception {
        TokenShard shard = counting(1001);
        List<Integer> forth = starts(new RandomWindows(shard, 2, 10, 7), 0, 30, 2, 10);
        RandomWindows again = new RandomWindows(shard, 2, 10, 7);
        for (int step = 29; step >= 0; step--) {
            assertEquals(forth.subList(2 * step, 2 * step + 2), starts(again, step, 1, 2, 10));
        }
        assertNotEquals(forth, starts(new RandomWindows(shard, 2, 10, 8), 0, 30, 2, 10));
    }

    /** Whoever changes this order breaks the resuming of runs and the repetition of published ones. */
    @Test
    void theOrderStaysWhatItWas() throws Exception {
        RandomWindows windows = new RandomWindows(counting(1001), 1, 10, 1);
        assertEquals(List.of(410, 700, 420, 520, 360, 40, 680, 470), starts(windows, 0, 8, 1, 10));
    }

    @Test
    void worksWithASingleBlock() throws Exception {
        RandomWindows windows = new RandomWindows(counting(5), 2, 4, 1);
        assertEquals(1, windows.blocks());
        assertEquals(List.of(0, 0, 0, 0), starts(windows, 0, 2, 2, 4));
    }

    @Test
    void stepsMayBeVeryLarge() throws Exception {
        RandomWindows windows = new RandomWindows(counting(1001), 4, 10, 1);
        assertEquals(4, starts(windows, Long.MAX_VALUE / 4 - 1, 1, 4, 10).size());
        assertThrows(ArithmeticException.class, () -> windows.fill(Long.MAX_VALUE / 2, new int[40], new int[40]));
        assertThrows(IndexOutOfBoundsException.class, () -> windows.fill(-1, new int[40], new int[40]));
    }

    @Test
    void refusesACorpusShorterThanOneSequenceWithBothNumbersAndTheRemedy() throws Exception {
        TokenShard shard = counting(10);
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> new RandomWindows(shard, 1, 10, 1));
        assertTrue(e.getMessage().contains("10 tokens, one sequence of 10 and its targets need 11"), e.getMessage());
        assertTrue(e.getMessage().contains("lower --seq-len to at most 9"), e.getMessage());
        assertEquals(1, new RandomWindows(shard, 1, 9, 1).blocks());
        assertThrows(IllegalArgumentException.class, () -> new SequentialBlocks(shard, 1, 10));
        assertThrows(IllegalArgumentException.class, () -> new RandomWindows(shard, 0, 5, 1));
    }

    @Test
    void sequentialBlocksComeInOrderAndTheLastBatchIsFilledWithIgnoredRows() throws Exception {
        SequentialBlocks blocks = new SequentialBlocks(counting(20), 2, 6);
        assertEquals(3, blocks.blocks());
        assertEquals(2, blocks.batches());
        int[] tokens = new int[12];
        int[] targets = new int[12];
        blocks.fill(0, tokens, targets);
        assertArrayEquals(IntStream.range(0, 12).toArray(), tokens);
        assertArrayEquals(IntStream.range(1, 13).toArray(), targets);
        blocks.fill(1, tokens, targets);
        assertArrayEquals(new int[] {12, 13, 14, 15, 16, 17, 0, 0, 0, 0, 0, 0}, tokens);
        assertArrayEquals(new int[] {13, 14, 15, 16, 17, 18, -1, -1, -1, -1, -1, -1}, targets);
        assertThrows(IllegalArgumentException.class, () -> blocks.fill(2, tokens, targets));
    }

    @Test
    void aKeyedPermutationIsOneForEverySize() {
        for (long size : LongStream.concat(LongStream.rangeClosed(1, 70), LongStream.of(1000, 1024, 1025, 65_537)).toArray()) {
            KeyedPermutation permutation = new KeyedPermutation(RandomKey.of(size), size);
            boolean[] seen = new boolean[(int) size];
            for (int i = 0; i < size; i++) {
                int element = (int) permutation.at(i);
                assertTrue(!seen[element], "size " + size + ": " + element + " twice");
                seen[element] = true;
            }
        }
    }

    @Test
    void aKeyedPermutationCoversLargeSizes() {
        long size = (1L << 40) + 12_345;
        KeyedPermutation permutation = new KeyedPermutation(RandomKey.of(5), size);
        Set<Long> seen = new HashSet<>();
        for (int i = 0; i < 10_000; i++) {
            long element = permutation.at(i * 99_999_999L);
            assertTrue(element >= 0 && element < size && seen.add(element), "element " + element);
        }
        assertThrows(IndexOutOfBoundsException.class, () -> permutation.at(size));
    }

    /** Over many keys each element is equally often at each place: chi-square with 121 degrees of freedom, 0.1 % point 173.6. */
    @Test
    void permutationsOfDifferentKeysAreUniform() {
        int size = 12;
        int keys = 12_000;
        int[] cells = new int[size * size];
        for (int key = 0; key < keys; key++) {
            KeyedPermutation permutation = new KeyedPermutation(RandomKey.of(99).at(key), size);
            for (int i = 0; i < size; i++) {
                cells[i * size + (int) permutation.at(i)]++;
            }
        }
        double expected = (double) keys / size;
        double chiSquare = Arrays.stream(cells).mapToDouble(n -> (n - expected) * (n - expected) / expected).sum();
        assertTrue(chiSquare < 173.6, "chi-square " + chiSquare);
    }

    private TokenShard counting(int tokens) throws IOException {
        Path file = directory.resolve("counting-" + tokens + ".bin");
        ShardWriter.write(file, tokens, shard -> shard.add(IntStream.range(0, tokens).toArray(), 0, tokens));
        return TokenShard.open(file);
    }

    private static List<Integer> starts(BatchSource source, long firstStep, int steps, int batchSize, int sequenceLength) {
        int[] tokens = new int[batchSize * sequenceLength];
        int[] targets = new int[batchSize * sequenceLength];
        List<Integer> starts = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            source.fill(firstStep + i, tokens, targets);
            for (int row = 0; row < batchSize; row++) {
                starts.add(tokens[row * sequenceLength]);
            }
        }
        return starts;
    }
}
