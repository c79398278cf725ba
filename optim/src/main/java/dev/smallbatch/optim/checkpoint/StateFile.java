package dev.smallbatch.optim.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.hash.Hashing;
import com.google.common.io.MoreFiles;
import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.optim.batch.BatchController;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;

/**
 * {@code state.json}: format, progress, the run, and length and CRC-32C of the two other files. It has a checksum of its own,
 * over its compact text without that member.
 */
final class StateFile {
    static final String NAME = "state.json";
    static final int FORMAT = 1;

    private static final List<String> TENSOR_FILES = List.of(CheckpointStore.MODEL, CheckpointStore.OPTIMIZER);
    private static final String CHECKSUM = "checksum";
    private static final String DAMAGED = "; it is damaged. Go back to a copy of the checkpoint, or start a new run";
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private StateFile() {}

    /** Describes {@code state} and the tensor files that are in {@code directory} already. */
    static void write(Path directory, CheckpointState state) throws IOException {
        ObjectNode node = JSON.createObjectNode()
                .put("format", FORMAT)
                .put("step", state.step())
                .put("tokens", state.tokens())
                .put("seed", state.run().seed())
                .put("backend", state.run().backend())
                .put("code_version", state.run().codeVersion());
        node.set("config", state.run().config());
        if (state.batch() != null) {
            ObjectNode batch = node.putObject("batch").put("size", state.batch().batchSize());
            state.batch().noise().forEach(batch.putArray("noise")::add);
            state.batch().signal().forEach(batch.putArray("signal")::add);
        }
        ObjectNode files = node.putObject("files");
        for (String name : TENSOR_FILES) {
            Path file = directory.resolve(name);
            files.putObject(name).put("bytes", Files.size(file)).put("crc32c", crc(file));
        }
        ObjectNode written = canonical(node);
        written.put(CHECKSUM, crc(written));
        AtomicFiles.writeText(directory.resolve(NAME), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(written) + "\n");
    }

    /** Reads and verifies everything in {@code directory}. */
    static CheckpointState read(Path directory) throws CheckpointException {
        try {
            ObjectNode node = parse(directory);
            JsonNode format = node.path("format");
            if (format.isInt() && format.intValue() > FORMAT) {
                throw new CheckpointException(directory, NAME + ": format " + format + ", this build reads 1.." + FORMAT
                        + ". Use a newer build");
            }
            JsonNode checksum = node.remove(CHECKSUM);
            if (checksum == null || !checksum.asText().equals(crc(node))) {
                throw new CheckpointException(directory, NAME + " has checksum " + crc(node) + ", it says " + checksum + DAMAGED);
            }
            for (String name : TENSOR_FILES) {
                verify(directory, name, node.path("files").path(name));
            }
            RunIdentity run = new RunIdentity(node.path("seed").longValue(), (ObjectNode) node.path("config"),
                    node.path("backend").textValue(), node.path("code_version").textValue());
            return new CheckpointState(node.path("step").longValue(), node.path("tokens").longValue(),
                    node.has("batch") ? batch(node.get("batch")) : null, run);
        } catch (CheckpointException e) {
            throw e;
        } catch (IOException e) {
            throw new CheckpointException(directory, "cannot be read: " + e.getMessage(), e);
        }
    }

    private static BatchController.State batch(JsonNode node) {
        return new BatchController.State(node.path("size").intValue(), doubles(node.path("noise")), doubles(node.path("signal")));
    }

    private static List<Double> doubles(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).map(JsonNode::doubleValue).toList();
    }

    private static ObjectNode parse(Path directory) throws IOException {
        requireFile(directory, NAME);
        try {
            if (JSON.readTree(Files.readAllBytes(directory.resolve(NAME))) instanceof ObjectNode node) {
                return node;
            }
            throw new CheckpointException(directory, NAME + " is not a JSON object" + DAMAGED);
        } catch (JsonProcessingException e) {
            throw new CheckpointException(directory, NAME + " is not JSON (" + e.getOriginalMessage() + ")" + DAMAGED, e);
        }
    }

    private static void verify(Path directory, String name, JsonNode expected) throws IOException {
        requireFile(directory, name);
        Path file = directory.resolve(name);
        long bytes = expected.path("bytes").longValue();
        if (Files.size(file) != bytes) {
            throw new CheckpointException(directory, name + " has " + Files.size(file) + " bytes, " + NAME + " says " + bytes
                    + DAMAGED);
        }
        String crc = crc(file);
        if (!crc.equals(expected.path("crc32c").asText())) {
            throw new CheckpointException(directory, name + " has checksum " + crc + ", " + NAME + " says "
                    + expected.path("crc32c").asText() + DAMAGED);
        }
    }

    private static void requireFile(Path directory, String name) throws CheckpointException {
        if (!Files.isRegularFile(directory.resolve(name))) {
            throw new CheckpointException(directory, name + " is missing; the checkpoint is not complete. Go back to a copy"
                    + " of it, or start a new run");
        }
    }

    /** The same object as it looks after being written and read: numbers have the types the parser gives them. */
    static ObjectNode canonical(ObjectNode node) {
        try {
            return (ObjectNode) JSON.readTree(node.toString());
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String crc(ObjectNode node) {
        return Hashing.crc32c().hashString(node.toString(), StandardCharsets.UTF_8).toString();
    }

    private static String crc(Path file) throws IOException {
        return MoreFiles.asByteSource(file).hash(Hashing.crc32c()).toString();
    }
}
