package dev.smallbatch.model.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.model.tokenizer.BpeTrainer;
import dev.smallbatch.model.tokenizer.Encoder;
import dev.smallbatch.model.tokenizer.HardTexts;
import dev.smallbatch.model.tokenizer.TokenBuffer;
import dev.smallbatch.model.tokenizer.Tokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ChunkReaderTest {
    private static final Source NAMED = new Source("named", true, Path.of("named"), null, 0, 0);

    @Test
    void chunksTogetherAreTheText() throws Exception {
        for (int seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            String text = "x" + HardTexts.random(random, 1 + random.nextInt(60)).replace('\0', '0');
            List<String> chunks = chunks(text, 5 + random.nextInt(40));
            assertEquals(text, String.join("", chunks), "seed " + seed);
        }
    }

    @Test
    void chunksGiveTheTokensOfTheWholeText() throws Exception {
        Tokenizer tokenizer = tokenizer();
        int cuts = 0;
        for (int seed = 0; seed < 2000; seed++) {
            String text = words(new Random(seed));
            List<String> chunks = chunks(text, 160);
            cuts += chunks.size() - 1;
            TokenBuffer ids = new TokenBuffer();
            Encoder encoder = tokenizer.encoder();
            for (String chunk : chunks) {
                byte[] utf8 = chunk.getBytes(StandardCharsets.UTF_8);
                encoder.encode(utf8, 0, utf8.length, ids);
            }
            assertArrayEquals(tokenizer.encode(text), ids.toArray(), "seed " + seed + ", chunks " + chunks);
        }
        assertTrue(cuts > 4000, "only " + cuts + " cuts");
    }

    @Test
    void onlyTheFirstChunkBeginsADocument() throws Exception {
        List<Boolean> first = new ArrayList<>();
        read("one two three four five six", 8, chunk -> first.add(chunk.first()));
        assertTrue(first.size() > 2 && first.getFirst() && !first.subList(1, first.size()).contains(true), first.toString());
    }

    @Test
    void aTextThatFillsTheBufferExactlyIsWhole() throws Exception {
        assertEquals("12345678", String.join("", chunks("12345678", 8)));
        assertEquals("1234 678", String.join("", chunks("1234 678", 8)));
    }

    @Test
    void namesTheByteInALaterChunk() {
        byte[] bytes = "one two three four five six seven".getBytes(StandardCharsets.UTF_8);
        bytes[25] = (byte) 0xC0;
        ChunkReader reader = new ChunkReader(8, chunk -> {});
        CorpusException e =
                assertThrows(CorpusException.class, () -> reader.read(NAMED, 0, new ByteArrayInputStream(bytes)));
        assertTrue(e.getMessage().contains("byte 25: 0xC0 is not UTF-8"), e.getMessage());
    }

    /** Words of at most a few characters, so that a chunk always holds a place to cut, and all kinds of space. */
    private static String words(Random random) {
        String[] spaces = {" ", "\n", "  ", "\n\n", " \n", "\r\n", "\t", "\u00A0 ", " \u3000", "\u3000\n", "\u0085\n", "\u2028 "};
        String[] words = {"the", "don't", "é", "漢字", "。", "!!", "42", "x1", "'s", "'", "\uD83D\uDE00"};
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            text.append(words[random.nextInt(words.length)]).append(spaces[random.nextInt(spaces.length)]);
        }
        return text.toString();
    }

    private static Tokenizer tokenizer() {
        BpeTrainer trainer = new BpeTrainer();
        for (int seed = 0; seed < 50; seed++) {
            trainer.add(words(new Random(seed)));
        }
        return trainer.train(500, done -> {}).tokenizer();
    }

    private static List<String> chunks(String text, int chunkBytes) throws IOException {
        List<String> chunks = new ArrayList<>();
        read(text, chunkBytes, chunk -> chunks.add(chunk.text()));
        return chunks;
    }

    private static void read(String text, int chunkBytes, TextSink sink) throws IOException {
        new ChunkReader(chunkBytes, sink).read(NAMED, 0, new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    }
}
