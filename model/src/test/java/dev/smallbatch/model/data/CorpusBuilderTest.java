package dev.smallbatch.model.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.model.tokenizer.ByteTokenizer;
import dev.smallbatch.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusBuilderTest {
    private static final CorpusProgress SILENT = (stage, done, total) -> {};
    private static final TokenizerChoice BYTES = new TokenizerChoice.Existing(new ByteTokenizer());

    @TempDir
    Path directory;
    private Path text;
    private Path run;

    @BeforeEach
    void writeText() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 500; i++) {
            lines.append("line ").append(i).append(" of the text\n");
        }
        text = Files.writeString(directory.resolve("text.txt"), lines);
        run = directory.resolve("run");
    }

    @Test
    void keepsTheEndOfASingleFileForValidation() throws Exception {
        PreparedCorpus data = build(BYTES, 0.1, 16);
        long all = Files.size(text);
        assertEquals(Math.round(0.1 * all), data.validation().size());
        assertEquals(Files.readString(text), decode(data.training()) + decode(data.validation()));
        assertFalse(data.reused());
    }

    @Test
    void spreadsWholeDocumentsOverBothPartsWhenThereAreMany() throws Exception {
        List<String> texts = new ArrayList<>();
        Path many = Files.createDirectory(directory.resolve("many"));
        for (int i = 0; i < 200; i++) {
            texts.add("document " + i + " " + "word ".repeat(10 + i % 7));
            Files.writeString(many.resolve("d%03d.txt".formatted(i)), texts.getLast());
        }
        PreparedCorpus data = new CorpusBuilder(run, BYTES, 0.2, 16).build(List.of(many), null, SILENT);
        List<String> training = List.of(decode(data.training()).split("\0"));
        List<String> validation = List.of(decode(data.validation()).split("\0"));
        assertEquals(200, training.size() + validation.size());
        assertEquals(0.2, (double) data.validation().size() / (data.training().size() + data.validation().size()), 0.01);
        assertTrue(texts.containsAll(training) && texts.containsAll(validation), "documents were cut");
        long early = validation.stream().filter(document -> texts.indexOf(document) < 100).count();
        assertEquals(validation.size() / 2.0, early, 2);
    }

    @Test
    void separatesDocumentsByAZeroByteOrTheEndOfTextToken() throws Exception {
        Path second = Files.writeString(directory.resolve("second.txt"), "one<|endoftext|>two<|endoftext|>");
        Path third = Files.writeString(directory.resolve("third.txt"), "three " + "x".repeat(100));
        PreparedCorpus bytes = new CorpusBuilder(run, BYTES, 0, 8).build(List.of(second, third), null, SILENT);
        assertTrue(decode(bytes.training()).startsWith("one\0two\0three xxx"), decode(bytes.training()));
        PreparedCorpus bpe = new CorpusBuilder(run, new TokenizerChoice.TrainBpe(300), 0, 3)
                .build(List.of(text, second, third), null, SILENT);
        int end = bpe.tokenizer().endOfText().orElseThrow();
        assertEquals(3, Arrays.stream(all(bpe.training())).filter(id -> id == end).count());
        String expected = Files.readString(text) + "<|endoftext|>one<|endoftext|>two<|endoftext|>three " + "x".repeat(100);
        assertEquals(expected, bpe.tokenizer().decode(all(bpe.training())) + bpe.tokenizer().decode(all(bpe.validation())));
    }

    @Test
    void trainsAVocabularyAndSavesItBesideTheShards() throws Exception {
        PreparedCorpus data = build(new TokenizerChoice.TrainBpe(290), 0.1, 16);
        assertEquals(290, data.tokenizer().vocabularySize());
        assertEquals(290, data.training().vocabularySize());
        assertEquals(data.tokenizer().fingerprint(), Tokenizer.load(run).fingerprint());
        assertTrue(data.notes().getFirst().startsWith("vocabulary 290 from "), data.notes().toString());
        assertTrue(data.notes().getLast().startsWith("1 document, "), data.notes().toString());
    }

    @Test
    void learnsTheVocabularyFromAnEvenPartOfALargeCorpus() throws Exception {
        Path many = Files.createDirectory(directory.resolve("many"));
        for (int i = 0; i < 100; i++) {
            Files.writeString(many.resolve("d%03d".formatted(i)), "word".repeat(25));
        }
        PreparedCorpus data = new CorpusBuilder(run, new TokenizerChoice.TrainBpe(260, 2000), 0.1, 4)
                .build(List.of(many), null, SILENT);
        assertTrue(data.notes().getFirst().contains("from 2000 bytes"), data.notes().toString());
    }

    @Test
    void saysSoWhenTheVocabularyCameOutSmaller() throws Exception {
        PreparedCorpus data = build(new TokenizerChoice.TrainBpe(60_000), 0.1, 16);
        assertTrue(data.notes().getFirst().contains("60000 were asked for"), data.notes().toString());
    }

    @Test
    void usesTheSamePreparedDataAgain() throws Exception {
        PreparedCorpus first = build(new TokenizerChoice.TrainBpe(290), 0.1, 16);
        FileTime time = Files.getLastModifiedTime(run.resolve("train.bin"));
        PreparedCorpus second = build(new TokenizerChoice.TrainBpe(290), 0.1, 16);
        assertTrue(second.reused());
        assertEquals(time, Files.getLastModifiedTime(run.resolve("train.bin")));
        assertEquals(first.tokenizer().fingerprint(), second.tokenizer().fingerprint());
        assertArrayEquals(all(first.training()), all(second.training()));
        assertEquals(first.notes(), second.notes());
    }

    @Test
    void preparesAnewWhenTextVocabularyOrFractionDiffer() throws Exception {
        build(new TokenizerChoice.TrainBpe(290), 0.1, 16);
        assertFalse(build(new TokenizerChoice.TrainBpe(291), 0.1, 16).reused());
        assertFalse(build(BYTES, 0.1, 16).reused());
        assertFalse(build(BYTES, 0.2, 16).reused());
        Files.writeString(text, Files.readString(text) + "more\n");
        assertFalse(build(BYTES, 0.2, 16).reused());
        assertTrue(build(BYTES, 0.2, 16).reused());
    }

    @Test
    void anotherSequenceLengthGivesWhatAFreshPreparationWouldGive() throws Exception {
        long natural = build(BYTES, 0.01, 16).validation().size();
        assertTrue(build(BYTES, 0.01, 32).reused());
        PreparedCorpus raised = build(BYTES, 0.01, 1000);
        assertFalse(raised.reused());
        assertEquals(1001, raised.validation().size());
        assertTrue(build(BYTES, 0.01, 1000).reused());
        assertEquals(natural, build(BYTES, 0.01, 16).validation().size());
    }

    @Test
    void preparesAnewWhatIsDamagedAndSaysSo() throws Exception {
        build(BYTES, 0.1, 16);
        byte[] shard = Files.readAllBytes(run.resolve("train.bin"));
        shard[1000] ^= 1;
        Files.write(run.resolve("train.bin"), shard);
        PreparedCorpus again = build(BYTES, 0.1, 16);
        assertFalse(again.reused());
        assertTrue(again.notes().getFirst().contains("was prepared again"), again.notes().toString());
        again.training().verify();
        Files.writeString(run.resolve("tokenizer.json"), "{");
        assertFalse(build(BYTES, 0.1, 16).reused());
        Files.delete(run.resolve("valid.bin"));
        assertFalse(build(BYTES, 0.1, 16).reused());
        Files.writeString(run.resolve("corpus.json"), "{\"version\": 1, \"key\"");
        assertFalse(build(BYTES, 0.1, 16).reused());
        assertTrue(build(BYTES, 0.1, 16).reused());
    }

    @Test
    void aFailedPreparationIsNeverTakenForAFinishedOne() throws Exception {
        build(BYTES, 0.1, 16);
        byte[] bad = Files.readAllBytes(text);
        bad[bad.length - 10] = (byte) 0xFF;
        Files.write(text, bad);
        Files.setLastModifiedTime(text, FileTime.fromMillis(1_000_000));
        CorpusException e = assertThrows(CorpusException.class, () -> build(BYTES, 0.1, 16));
        assertTrue(e.getMessage().startsWith("read corpus: " + text + ": byte " + (bad.length - 10)), e.getMessage());
        try (var files = Files.list(run)) {
            assertEquals(List.of("tokenizer.json", "train.bin", "valid.bin"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void leavesOtherFilesOfTheDirectoryAlone() throws Exception {
        Files.createDirectories(run);
        Files.writeString(run.resolve("config.json"), "{}");
        build(BYTES, 0.1, 16);
        assertEquals("{}", Files.readString(run.resolve("config.json")));
    }

    @Test
    void reportsATextShorterThanOneSequenceForEachPart() throws Exception {
        Files.writeString(text, "only thirty characters, really");
        CorpusException e = assertThrows(CorpusException.class, () -> build(BYTES, 0.1, 16));
        assertTrue(e.getMessage().contains("has 30 tokens; one sequence of 16 and its targets need 17"), e.getMessage());
        assertTrue(e.getMessage().contains("lower --seq-len to at most 14"), e.getMessage());
        PreparedCorpus fits = build(BYTES, 0.1, 14);
        assertEquals(15, fits.training().size());
        assertEquals(15, fits.validation().size());
    }

    @Test
    void reportsAFractionThatLeavesTooLittleForTraining() {
        CorpusException e = assertThrows(CorpusException.class, () -> build(BYTES, 0.999, 100));
        assertTrue(e.getMessage().contains("validation part of 0.999 leaves"), e.getMessage());
    }

    @Test
    void refusesImpossibleOptions() {
        assertThrows(IllegalArgumentException.class, () -> new CorpusBuilder(run, BYTES, 1, 16));
        assertThrows(IllegalArgumentException.class, () -> new CorpusBuilder(run, BYTES, -0.1, 16));
        assertThrows(IllegalArgumentException.class, () -> new CorpusBuilder(run, BYTES, Double.NaN, 16));
        assertThrows(IllegalArgumentException.class, () -> new CorpusBuilder(run, BYTES, 0.1, 0));
        assertThrows(IllegalArgumentException.class, () -> new TokenizerChoice.TrainBpe(256));
    }

    @Test
    void reportsADirectoryThatCannotBeCreated() throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "x");
        CorpusBuilder builder = new CorpusBuilder(file.resolve("run"), BYTES, 0.1, 16);
        IOException e = assertThrows(IOException.class, () -> builder.build(List.of(text), null, SILENT));
        assertTrue(e.getMessage().contains("cannot create the directory " + file.resolve("run")), e.getMessage());
    }

    @Test
    void reportsProgressOfEveryStageUpToItsEnd() throws Exception {
        List<String> finished = new ArrayList<>();
        CorpusProgress progress = (stage, done, total) -> {
            if (done == total && !finished.contains(stage)) {
                finished.add(stage);
            }
        };
        new CorpusBuilder(run, new TokenizerChoice.TrainBpe(290), 0.1, 16).build(List.of(text), null, progress);
        assertEquals(List.of("count words", "learn merges", "encode text"), finished);
    }

    private PreparedCorpus build(TokenizerChoice choice, double fraction, int sequenceLength) throws IOException {
        return new CorpusBuilder(run, choice, fraction, sequenceLength).build(List.of(text), null, SILENT);
    }

    private static int[] all(TokenShard shard) {
        int[] ids = new int[Math.toIntExact(shard.size())];
        shard.copy(0, ids, 0, ids.length);
        return ids;
    }

    private static String decode(TokenShard shard) {
        return new ByteTokenizer().decode(all(shard));
    }
}
