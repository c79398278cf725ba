package dev.smallbatch.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.smallbatch.model.SharedData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BpeTrainerTest {
    @Test
    void reproducesTheReferenceMergesAndVocabulary() throws Exception {
        Path directory = SharedData.require("tokenizers/bpe-train");
        BpeTrainer trainer = new BpeTrainer();
        trainer.add(Files.readString(directory.resolve("corpus.en")));
        BpeTrainer.Result result = trainer.train(500, done -> {});
        assertEquals(Files.readAllLines(directory.resolve("reference-merges.txt")), merges(result.tokenizer()));
        Map<String, Integer> vocabulary = new HashMap<>();
        new JsonMapper().readTree(directory.resolve("reference-vocab.json").toFile()).properties()
                .forEach(entry -> vocabulary.put(entry.getKey(), entry.getValue().intValue()));
        assertEquals(vocabulary, vocabulary(result.tokenizer()));
        assertTrue(result.complete());
    }

    @Test
    void learnsTheMergesOfTheDefinition() {
        for (int seed = 0; seed < 60; seed++) {
            Random random = new Random(seed);
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 200; i++) {
                text.append("abé '1\n".charAt(random.nextInt(7))).append("aab".charAt(random.nextInt(3)));
            }
            assertEquals(NaiveBpe.train(text.toString(), 40), merges(train(text.toString(), 40).tokenizer()), "seed " + seed);
        }
    }

    @Test
    void countsOverlappingPairsLikeTheDefinition() {
        String text = "aaaaaaa aaa bababab aaaa abababa";
        assertEquals(NaiveBpe.train(text, 10), merges(train(text, 10).tokenizer()));
    }

    @Test
    void givesTiesToTheGreaterPair() {
        assertEquals(List.of("z a"), merges(train("ab.ab.za.za", 1).tokenizer()));
    }

    @Test
    void stopsEarlyWhenNoPairIsRepeatedAndSaysSo() {
        BpeTrainer.Result result = train("hello hello", 1000);
        assertEquals(List.of("l o", "l lo", "h e", "he llo"), merges(result.tokenizer()));
        assertFalse(result.complete());
        assertTrue(result.summary().contains("1257 were asked for"), result.summary());
        assertTrue(result.summary().contains("give more text"), result.summary());
    }

    @Test
    void trainsOnNothingToBytesAlone() {
        assertEquals(257, train("", 10).tokenizer().vocabularySize());
    }

    @Test
    void doesNotLearnTheEndOfTextMarkerNorPairsAcrossIt() {
        assertEquals(merges(train("xyxy\nxyxy", 5).tokenizer()),
                merges(train("xyxy<|endoftext|>\nxyxy<|endoftext|>", 5).tokenizer()));
    }

    @Test
    void theOrderOfTheTextsDoesNotMatter() {
        BpeTrainer forth = new BpeTrainer();
        BpeTrainer back = new BpeTrainer();
        for (int i = 0; i < HardTexts.ALL.size(); i++) {
            forth.add(HardTexts.ALL.get(i));
            back.add(HardTexts.ALL.get(HardTexts.ALL.size() - 1 - i));
        }
        assertEquals(merges(forth.train(300, done -> {}).tokenizer()), merges(back.train(300, done -> {}).tokenizer()));
    }

    @Test
    void reportsEachMerge() {
        List<Long> done = new ArrayList<>();
        BpeTrainer trainer = new BpeTrainer();
        trainer.add("hello hello");
        trainer.train(259, done::add);
        assertEquals(List.of(1L, 2L), done);
    }

    @Test
    void numbersEndOfTextFirst() {
        BpeTokenizer tokenizer = train("hello hello", 1).tokenizer();
        assertEquals(0, tokenizer.endOfText().orElseThrow());
        assertArrayEquals(new byte[] {'!'}, tokenizer.tokenBytes(1));
        assertArrayEquals(new byte[] {'l', 'o'}, tokenizer.tokenBytes(257));
    }

    @Test
    void countsVeryLongWordsInParts() {
        BpeTokenizer tokenizer = train("ab".repeat(500_000), 20).tokenizer();
        assertEquals("a b", tokenizer.merge(0));
        assertEquals(1 << 12, tokenizer.tokenBytes(tokenizer.vocabularySize() - 1).length);
    }

    @Test
    void refusesAVocabularySmallerThanItsBytes() {
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> new BpeTrainer().train(256, done -> {}));
        assertTrue(e.getMessage().contains("size 256 is below 257"), e.getMessage());
    }

    private static BpeTrainer.Result train(String text, int merges) {
        BpeTrainer trainer = new BpeTrainer();
        trainer.add(text);
        return trainer.train(BpeTrainer.MIN_VOCABULARY + merges, done -> {});
    }

    private static List<String> merges(BpeTokenizer tokenizer) {
        List<String> merges = new ArrayList<>();
        for (int rank = 0; rank < tokenizer.merges(); rank++) {
            merges.add(tokenizer.merge(rank));
        }
        return merges;
    }

    private static Map<String, Integer> vocabulary(BpeTokenizer tokenizer) {
        Map<String, Integer> vocabulary = new HashMap<>(tokenizer.specialTokens());
        for (int id = 0; id < tokenizer.vocabularySize(); id++) {
            if (!tokenizer.specialTokens().containsValue(id)) {
                vocabulary.put(ByteAlphabet.write(tokenizer.tokenBytes(id)), id);
            }
        }
        return vocabulary;
    }
}
