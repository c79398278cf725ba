package dev.smallbatch.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.google.common.base.Splitter;
import dev.smallbatch.model.SharedData;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** GPT-2's own vocabulary files against ids that other programs made. */
class Gpt2ReferenceTest {
    private static Tokenizer tokenizer;

    /** Once for all, but before each test: there it counts as skipped where the data is absent. */
    @BeforeEach
    void load() throws Exception {
        if (tokenizer == null) {
            tokenizer = Tokenizer.load(SharedData.require("tokenizers/gpt2"));
        }
    }

    @Test
    void givesTheReferenceIds() throws Exception {
        JsonMapper json = new JsonMapper();
        List<String> lines = Files.readAllLines(SharedData.require("tokenizers/gpt2/reference-encodings.jsonl"));
        assertEquals(55, lines.size());
        for (String line : lines) {
            JsonNode reference = json.readTree(line);
            int[] expected = StreamSupport.stream(reference.get("gpt2").spliterator(), false)
                    .mapToInt(JsonNode::intValue)
                    .toArray();
            String text = reference.get("text").textValue();
            assertArrayEquals(expected, tokenizer.encode(text), line);
            assertEquals(text, tokenizer.decode(expected), line);
        }
    }

    @Test
    void givesTheIdsOfTheSecondSetOfHardTexts() throws Exception {
        Path in = SharedData.require("tokenizers/ggml-vocab/ggml-vocab-gpt-2.gguf.inp");
        Path out = SharedData.require("tokenizers/ggml-vocab/ggml-vocab-gpt-2.gguf.out");
        List<String> texts = Splitter.on("\n__ggml_vocab_test__\n").splitToList(Files.readString(in));
        List<String> lines = Splitter.on('\n').splitToList(Files.readString(out));
        assertEquals(47, texts.size());
        for (int i = 0; i < lines.size(); i++) {
            int[] expected = Splitter.on(' ').omitEmptyStrings().splitToStream(lines.get(i))
                    .mapToInt(Integer::parseInt)
                    .toArray();
            assertArrayEquals(expected, tokenizer.encode(texts.get(i)), "text " + i + ": " + texts.get(i));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "text/tinyshakespeare.txt, 338025, 25c01b32b32f41897a6359dd222ec114992dc30c357bcafbfe6c56672f76cd31",
        "text/wikitext2-test.txt, 295877, 33d3634d89dfb45a09164ac72a5e7939b90eeffce49f82cc738dc5dbc652cf3c",
        "math/gsm8k-train.jsonl, 1228595, 47e5f19e38a6155c2638d641d0401ec77b6a871f8d48bcca72a5389def63e2e5"
    })
    void givesTheIdsOfWholeFiles(String file, int count, String sha256) throws Exception {
        int[] ids = tokenizer.encode(Files.readString(SharedData.require(file)));
        assertEquals(count, ids.length);
        ByteBuffer bytes = ByteBuffer.allocate(2 * ids.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int id : ids) {
            bytes.putShort((short) id);
        }
        assertEquals(sha256, HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array())));
    }

    @Test
    void keepsItsNumberingWhenSavedInOurFormat(@TempDir Path directory) throws Exception {
        assertEquals(50257, tokenizer.vocabularySize());
        assertEquals(50256, tokenizer.endOfText().orElseThrow());
        tokenizer.save(directory);
        Tokenizer again = Tokenizer.load(directory);
        assertEquals(tokenizer.fingerprint(), again.fingerprint());
        for (int id = 0; id < tokenizer.vocabularySize(); id++) {
            assertArrayEquals(tokenizer.tokenBytes(id), again.tokenBytes(id), "id " + id);
        }
    }
}
