package dev.smallbatch.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BpeTokenizerTest {
    private static final BpeTokenizer TOKENIZER = trained();

    @Test
    void decodesWhatItEncodes() {
        for (String text : HardTexts.ALL) {
            assertEquals(text, TOKENIZER.decode(TOKENIZER.encode(text)));
        }
    }

    @Test
    void keepsAnyBytesWhetherUtf8OrNot() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            byte[] bytes = new byte[random.nextInt(300)];
            random.nextBytes(bytes);
            assertArrayEquals(bytes, TOKENIZER.decodeBytes(encode(TOKENIZER.encoder(), bytes)), "seed " + seed);
        }
    }

    @Test
    void mergesWordsOfAnyLengthAsDefined() {
        Map<String, Integer> ranks = new HashMap<>();
        for (int rank = 0; rank < TOKENIZER.merges(); rank++) {
            ranks.put(TOKENIZER.merge(rank), rank);
        }
        int[] lengths = {1, 2, 3, 10, 63, 64, 65, 66, 200, 1500};
        for (int seed = 0; seed < 120; seed++) {
            Random random = new Random(seed);
            StringBuilder word = new StringBuilder();
            while (word.length() < lengths[seed % lengths.length]) {
                word.append("eeeethanorsi".charAt(random.nextInt(12)));
            }
            assertEquals(NaiveBpe.encodeWord(word.toString().getBytes(StandardCharsets.UTF_8), ranks), tokens(word.toString()),
                    "seed " + seed);
        }
    }

    @Test
    void encodesAMillionTimesTheSameLetter() {
        String text = "e".repeat(1_000_000);
        int[] ids = TOKENIZER.encode(text);
        assertEquals(text, TOKENIZER.decode(ids));
        assertTrue(ids.length < text.length(), "nothing merged");
    }

    @Test
    void anEncoderThatHasMetWordsGivesTheSameIds() {
        Encoder encoder = TOKENIZER.encoder();
        for (int round = 0; round < 3; round++) {
            for (String text : HardTexts.ALL) {
                assertArrayEquals(TOKENIZER.encode(text), encode(encoder, text.getBytes(StandardCharsets.UTF_8)));
            }
        }
    }

    @Test
    void anEncoderThatHasMetVeryManyWordsStillGivesTheRightIds() {
        Encoder encoder = TOKENIZER.encoder();
        TokenBuffer ids = new TokenBuffer();
        for (int i = 0; i < 600_000; i++) {
            byte[] word = Integer.toString(i, 36).getBytes(StandardCharsets.UTF_8);
            ids.clear();
            encoder.encode(word, 0, word.length, ids);
            if (i % 1000 == 0) {
                assertArrayEquals(word, TOKENIZER.decodeBytes(ids.toArray()));
                assertArrayEquals(TOKENIZER.encode(Integer.toString(i, 36)), ids.toArray());
            }
        }
    }

    @Test
    void namesOfSpecialTokensInTextAreOrdinaryText() {
        int[] ids = TOKENIZER.encode(Tokenizer.END_OF_TEXT);
        assertTrue(Arrays.stream(ids).noneMatch(id -> id == TOKENIZER.endOfText().orElseThrow()), Arrays.toString(ids));
        assertEquals(Tokenizer.END_OF_TEXT, TOKENIZER.decode(ids));
        assertEquals(Tokenizer.END_OF_TEXT, TOKENIZER.decode(TOKENIZER.endOfText().orElseThrow()));
    }

    @Test
    void anUnpairedSurrogateBecomesAQuestionMark() {
        assertEquals("a?b", TOKENIZER.decode(TOKENIZER.encode("a\uD800b")));
    }

    @Test
    void refusesToDecodeIdsOutsideTheVocabulary() {
        int size = TOKENIZER.vocabularySize();
        for (int id : new int[] {-1, size, Integer.MAX_VALUE}) {
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> TOKENIZER.decode(id));
            assertTrue(e.getMessage().contains("token " + id + " is outside the vocabulary of " + size), e.getMessage());
        }
    }

    @Test
    void separatesDocumentsByEndOfTextOrElseAZeroByte() {
        assertEquals(TOKENIZER.endOfText().orElseThrow(), TOKENIZER.documentSeparator());
        BpeTokenizer plain = new BpeTokenizer(Map.of(), new int[0], new int[0]);
        assertArrayEquals(new byte[] {0}, plain.tokenBytes(plain.documentSeparator()));
    }

    @Test
    void theByteTokenizerMapsEachByteToItself() {
        Tokenizer bytes = new ByteTokenizer();
        assertEquals(256, bytes.vocabularySize());
        assertArrayEquals(new int[] {'h', 0xC3, 0xA9, 0}, bytes.encode("hé\0"));
        for (String text : HardTexts.ALL) {
            assertEquals(text, bytes.decode(bytes.encode(text)));
        }
        assertEquals(0, bytes.documentSeparator());
        assertThrows(IllegalArgumentException.class, () -> bytes.decode(256));
    }

    private static List<String> tokens(String text) {
        List<String> tokens = new ArrayList<>();
        for (int id : TOKENIZER.encode(text)) {
            tokens.add(ByteAlphabet.write(TOKENIZER.tokenBytes(id)));
        }
        return tokens;
    }

    private static int[] encode(Encoder encoder, byte[] bytes) {
        TokenBuffer ids = new TokenBuffer();
        encoder.encode(bytes, 0, bytes.length, ids);
        return ids.toArray();
    }

    private static BpeTokenizer trained() {
        BpeTrainer trainer = new BpeTrainer();
        Random random = new Random(1);
        for (int i = 0; i < 3000; i++) {
            StringBuilder word = new StringBuilder(" ");
            for (int k = random.nextInt(12); k >= 0; k--) {
                word.append("eeeethanorsi".charAt(random.nextInt(12)));
            }
            trainer.add(word.toString());
        }
        HardTexts.ALL.forEach(trainer::add);
        return trainer.train(900, done -> {}).tokenizer();
    }
}
