package dev.smallbatch.model.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.model.tokenizer.ByteTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NGramEntropyTest {
    @TempDir
    Path directory;

    @Test
    void aRandomStreamHasTheEntropyOfItsAlphabet() throws Exception {
        NGramEntropy entropy = of(new Random(1).ints(400_000, 0, 16).toArray(), new Random(2).ints(50_000, 0, 16).toArray());
        assertEquals(Math.log(16), entropy.unigramEntropy(), 1e-3);
        assertEquals(Math.log(16), entropy.bigramEntropy(), 1e-3);
        assertEquals(Math.log(16), entropy.unigramCrossEntropy(), 2e-3);
        assertEquals(Math.log(16), entropy.bigramCrossEntropy(), 2e-3);
    }

    @Test
    void aCycleIsKnownFromTheTokenBefore() throws Exception {
        int[] cycle = new int[80_001];
        for (int i = 0; i < cycle.length; i++) {
            cycle[i] = 'a' + i % 4;
        }
        NGramEntropy entropy = of(cycle, cycle);
        assertEquals(Math.log(4), entropy.unigramEntropy(), 1e-12);
        assertEquals(0, entropy.bigramEntropy(), 1e-12);
        assertTrue(entropy.bigramCrossEntropy() < 1e-3, "bigram " + entropy.bigramCrossEntropy());
    }

    /** Training a b a c: pairs ab, ba, ac. Validation a b c a: pairs ab, bc, ca, of which only the first was seen. */
    @Test
    void followsItsFormulas() throws Exception {
        NGramEntropy entropy = of(new int[] {1, 2, 1, 3}, new int[] {1, 2, 3, 1});
        double p = 2.0 / (3 + 256);
        assertEquals(Math.log(3), entropy.unigramEntropy(), 1e-12);
        assertEquals(2.0 / 3 * Math.log(2), entropy.bigramEntropy(), 1e-12);
        assertEquals(-Math.log(p), entropy.unigramCrossEntropy(), 1e-12);
        double bAfterA = (1 + 2 * p) / (2 + 2);
        double cAfterB = (0 + 1 * p) / (1 + 1);
        double aAfterC = p;
        assertEquals(-(Math.log(bAfterA) + Math.log(cAfterB) + Math.log(aAfterC)) / 3, entropy.bigramCrossEntropy(), 1e-12);
    }

    @Test
    void theSmoothedProbabilitiesSumToOne() throws Exception {
        TokenShard training = shard("train.bin", 256, new Random(3).ints(300, 0, 20).toArray());
        double sum = 0;
        for (int next = 0; next < 256; next++) {
            TokenShard validation = shard("valid.bin", 256, 5, next);
            sum += Math.exp(-NGramEntropy.of(training, validation, new ByteTokenizer()).bigramCrossEntropy());
        }
        assertEquals(1, sum, 1e-9);
    }

    @Test
    void countsEveryPairOfALongStreamOnce() throws Exception {
        int[] ids = new Random(5).ints(100_000, 0, 5).toArray();
        int[] after = new int[5];
        int[] together = new int[25];
        for (int i = 1; i < ids.length; i++) {
            after[ids[i - 1]]++;
            together[5 * ids[i - 1] + ids[i]]++;
        }
        double sum = 0;
        for (int pair = 0; pair < 25; pair++) {
            sum -= together[pair] * Math.log((double) together[pair] / after[pair / 5]) / (ids.length - 1);
        }
        assertEquals(sum, of(ids, ids).bigramEntropy(), 1e-12);
    }

    @Test
    void takesOfAVeryLongStreamAnEvenPart() throws Exception {
        int[] ids = new int[25_000_000];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = i < ids.length / 2 ? 1 : 2;
        }
        assertEquals(Math.log(2), of(ids, new int[] {1, 2}).unigramEntropy(), 1e-4);
    }

    @Test
    void countsBytesOfTextWithoutSeparators() throws Exception {
        NGramEntropy entropy = of(new int[] {1, 2, 3, 4}, new int[] {1, 2, 0, 3, 4});
        assertEquals(0.75, entropy.bytesPerToken());
        assertEquals(4, entropy.perByte(3), 1e-12);
    }

    @Test
    void refusesTooFewTokensAndOtherVocabularies() throws Exception {
        assertThrows(IllegalArgumentException.class, () -> of(new int[] {1, 2}, new int[] {1}));
        TokenShard other = shard("other.bin", 300, 1, 2, 3);
        assertThrows(IllegalArgumentException.class, () -> NGramEntropy.of(other, other, new ByteTokenizer()));
    }

    private NGramEntropy of(int[] training, int[] validation) throws IOException {
        return NGramEntropy.of(shard("train.bin", 256, training), shard("valid.bin", 256, validation), new ByteTokenizer());
    }

    private TokenShard shard(String name, int vocabulary, int... ids) throws IOException {
        ShardWriter.write(directory.resolve(name), vocabulary, shard -> shard.add(ids, 0, ids.length));
        return TokenShard.open(directory.resolve(name));
    }
}
