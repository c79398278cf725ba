package dev.smallbatch.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerFileTest {
    private static final String HEAD = "{\"format\":\"smallbatch-tokenizer\",\"version\":1,\"type\":\"bpe\",";

    @TempDir
    Path directory;

    @Test
    void aSavedVocabularyLoadsAsTheSame() throws Exception {
        BpeTokenizer saved = trained("the cat sat on the mat, the cat");
        saved.save(directory.resolve("new/run"));
        Tokenizer loaded = Tokenizer.load(directory.resolve("new/run"));
        assertEquals(saved.fingerprint(), loaded.fingerprint());
        assertEquals(saved.endOfText(), loaded.endOfText());
        assertArrayEquals(saved.encode("the cat"), loaded.encode("the cat"));
    }

    @Test
    void savingAgainGivesTheSameBytesAndLeavesNothingBeside() throws Exception {
        trained("some text some text").save(directory);
        byte[] first = Files.readAllBytes(directory.resolve("tokenizer.json"));
        Tokenizer.load(directory).save(directory);
        assertArrayEquals(first, Files.readAllBytes(directory.resolve("tokenizer.json")));
        try (var files = Files.list(directory)) {
            assertEquals(List.of("tokenizer.json"), files.map(file -> file.getFileName().toString()).toList());
        }
    }

    @Test
    void theByteTokenizerSavesAndLoads() throws Exception {
        new ByteTokenizer().save(directory);
        assertInstanceOf(ByteTokenizer.class, Tokenizer.load(directory));
    }

    @Test
    void differentVocabulariesHaveDifferentFingerprints() {
        assertNotEquals(trained("aa aa").fingerprint(), trained("bb bb").fingerprint());
        assertNotEquals(new BpeTokenizer(Map.of("x", 0), new int[0], new int[0]).fingerprint(),
                new BpeTokenizer(Map.of("x", 256), new int[0], new int[0]).fingerprint());
    }

    @Test
    void reportsADirectoryWithoutVocabulary() {
        failsWith(directory, "has neither tokenizer.json nor GPT-2's encoder.json and vocab.bpe", "--tokenizer");
        failsWith(directory.resolve("absent"), "is not a directory");
    }

    @Test
    void reportsANewerFormat() throws Exception {
        write("{\"format\":\"smallbatch-tokenizer\",\"version\":2,\"type\":\"bpe\"}");
        failsWith(directory, "tokenizer.json", "format 2, this build reads 1..1", "newer build");
    }

    @Test
    void reportsATokenizerOfAnotherProgram() throws Exception {
        write("{\"version\":\"1.0\",\"model\":{\"type\":\"BPE\"}}");
        failsWith(directory, "not a vocabulary of this program");
    }

    @Test
    void reportsATruncatedFile() throws Exception {
        trained("the cat sat on the mat, the cat").save(directory);
        String text = Files.readString(directory.resolve("tokenizer.json"));
        for (int length = 0; length < text.length() - 2; length += 7) {
            write(text.substring(0, length));
            assertThrows(TokenizerException.class, () -> Tokenizer.load(directory), "cut at " + length);
        }
        write(text.substring(0, 60));
        failsWith(directory, "tokenizer.json", "damaged");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '@', quoteCharacter = '`', value = {
        "\"specialTokens\":{},\"merges\":{}} @ must be an object",
        "\"specialTokens\":{},\"merges\":[\"ab\"]} @ not two tokens and one space",
        "\"specialTokens\":{},\"merges\":[\"a b c\"]} @ not two tokens and one space",
        "\"specialTokens\":{},\"merges\":[7]} @ not two tokens and one space",
        "\"specialTokens\":{},\"merges\":[\"a bc\"]} @ uses \"bc\", which no earlier merge makes",
        "\"specialTokens\":{},\"merges\":[\"a b\",\"a b\"]} @ makes \"ab\", which is a token already",
        "\"specialTokens\":{\"x\":300},\"merges\":[]} @ outside the vocabulary of 257",
        "\"specialTokens\":{\"x\":1,\"y\":1},\"merges\":[]} @ is taken",
        "\"specialTokens\":{\"x\":\"1\"},\"merges\":[]} @ has the id \"1\"",
        "\"specialTokens\":{\"x\":1,\"x\":2},\"merges\":[]} @ Duplicate",
        "\"specialTokens\":{},\"merges\":[]} {} @ damaged"
    })
    void reportsWhatIsWrongInside(String rest, String expected) throws Exception {
        write(HEAD + rest);
        failsWith(directory, "tokenizer.json", expected);
    }

    @Test
    void reportsAnUnknownTypeOrVersion() throws Exception {
        write("{\"format\":\"smallbatch-tokenizer\",\"version\":1,\"type\":\"words\"}");
        failsWith(directory, "\"type\" is \"words\"");
        write("{\"format\":\"smallbatch-tokenizer\",\"version\":\"1\",\"type\":\"byte\"}");
        failsWith(directory, "\"version\" is \"1\"");
    }

    @Test
    void reportsGpt2FilesThatDoNotBelongTogether() throws Exception {
        BpeTokenizer tokenizer = trained("the cat sat on the mat, the cat");
        writeGpt2(tokenizer, List.of(tokenizer.merge(0), tokenizer.merge(1)));
        Tokenizer loaded = Tokenizer.load(directory);
        assertEquals(259, loaded.vocabularySize());
        Files.writeString(directory.resolve("vocab.bpe"), "#version: 0.2\n" + tokenizer.merge(0) + "\nz z\n");
        failsWith(directory, "encoder.json", "different vocabularies");
        Files.writeString(directory.resolve("vocab.bpe"), "#version: 0.2\nthe cat sat\n");
        failsWith(directory, "vocab.bpe", "not two tokens and one space");
        Files.writeString(directory.resolve("encoder.json"), "[]");
        failsWith(directory, "encoder.json", "not an object");
    }

    @Test
    void failsToSaveWhereADirectoryCannotBe() throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "x");
        assertThrows(IOException.class, () -> new ByteTokenizer().save(file.resolve("run")));
    }

    private void writeGpt2(BpeTokenizer tokenizer, List<String> merges) throws IOException {
        Files.writeString(directory.resolve("vocab.bpe"), "#version: 0.2\n" + String.join("\n", merges) + "\n");
        StringBuilder json = new StringBuilder("{\"<|endoftext|>\": 0");
        for (int id = 1; id <= 256 + merges.size(); id++) {
            String token = ByteAlphabet.write(tokenizer.tokenBytes(id)).replace("\\", "\\\\").replace("\"", "\\\"");
            json.append(", \"").append(token).append("\": ").append(id);
        }
        Files.writeString(directory.resolve("encoder.json"), json.append('}'));
    }

    private void write(String json) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), json);
    }

    private static void failsWith(Path directory, String... parts) {
        TokenizerException e = assertThrows(TokenizerException.class, () -> Tokenizer.load(directory));
        for (String part : parts) {
            assertTrue(e.getMessage().contains(part), () -> "expected \"" + part + "\" in: " + e.getMessage());
        }
    }

    private static BpeTokenizer trained(String text) {
        BpeTrainer trainer = new BpeTrainer();
        trainer.add(text);
        return trainer.train(1000, done -> {}).tokenizer();
    }
}
