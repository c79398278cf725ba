package dev.smallbatch.model.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.smallbatch.core.io.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The file {@code corpus.json} beside the shards: what they were made from. Written last and removed first, so shards with a
 * manifest are complete.
 *
 * @param key               SHA-256 of everything that decides the shards, but for the sequence length
 * @param tokenizer         fingerprint of the vocabulary
 * @param trainingTokens    size of {@code train.bin}
 * @param validationTokens  size of {@code valid.bin}
 * @param naturalValidation size that the fraction gives, before raising it to one sequence
 * @param notes             lines for the user
 */
record CorpusManifest(
        String key, String tokenizer, long trainingTokens, long validationTokens, long naturalValidation, List<String> notes) {
    private static final String FILE_NAME = "corpus.json";
    private static final int VERSION = 1;

    /** The manifest of a directory; empty if there is none that this build understands. */
    static Optional<CorpusManifest> read(Path directory) throws IOException {
        Path file = directory.resolve(FILE_NAME);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        JsonNode root;
        try {
            root = new JsonMapper().readTree(Files.readAllBytes(file));
        } catch (JsonProcessingException e) {
            return Optional.empty();
        }
        if (root.path("version").asInt() != VERSION) {
            return Optional.empty();
        }
        List<String> notes = new ArrayList<>();
        root.path("notes").forEach(note -> notes.add(note.asText()));
        return Optional.of(new CorpusManifest(root.path("key").asText(), root.path("tokenizer").asText(),
                root.path("trainingTokens").asLong(), root.path("validationTokens").asLong(),
                root.path("naturalValidation").asLong(), List.copyOf(notes)));
    }

    void write(Path directory) throws IOException {
        JsonMapper json = new JsonMapper();
        ObjectNode root = json.createObjectNode()
                .put("version", VERSION)
                .put("key", key)
                .put("tokenizer", tokenizer)
                .put("trainingTokens", trainingTokens)
                .put("validationTokens", validationTokens)
                .put("naturalValidation", naturalValidation);
        notes.forEach(root.putArray("notes")::add);
        String text = json.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
        AtomicFiles.writeText(directory.resolve(FILE_NAME), text);
    }

    static void remove(Path directory) throws IOException {
        Files.deleteIfExists(directory.resolve(FILE_NAME));
    }
}
