package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code results.jsonl}: an object {@code {"cell": ..., "result": ...}} for each finished run. A line is written whole, by one
 * call, and forced to disk; what a kill has left of a last line is cut off. One process at a time.
 */
final class ResultsFile<C, R> implements AutoCloseable {
    private final Path file;
    private final FileChannel channel;
    private final List<Outcome<C, R>> outcomes = new ArrayList<>();

    private ResultsFile(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Opens the file and reads what it holds.
     *
     * @throws IOException if a line but the last is damaged, or another process has it open
     */
    static <C, R> ResultsFile<C, R> open(Path file, Class<C> cell, Class<R> result) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            ResultsFile<C, R> results = new ResultsFile<>(file, channel);
            results.lock();
            results.read(cell, result);
            return results;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private void lock() throws IOException {
        try {
            FileLock lock = channel.tryLock();
            if (lock != null) {
                return;
            }
        } catch (OverlappingFileLockException e) {
            // This process has it open already.
        }
        throw new IOException(file + ": another experiment writes it; wait for its end, or choose another --out");
    }

    private void read(Class<C> cell, Class<R> result) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        int end = bytes.length;
        while (end > 0 && bytes[end - 1] != '\n') {
            end--;
        }
        int number = 0;
        for (String line : new String(bytes, 0, end, StandardCharsets.UTF_8).lines().toList()) {
            number++;
            try {
                JsonNode node = Json.MAPPER.readTree(line);
                outcomes.add(new Outcome<>(Json.value(node.path("cell"), cell), Json.value(node.path("result"), result)));
            } catch (IOException | IllegalArgumentException e) {
                throw new IOException(file + ": line " + number + " is damaged (" + e.getMessage() + "); remove it", e);
            }
        }
        channel.truncate(end);
        channel.position(end);
    }

    /** What is finished. */
    synchronized List<Outcome<C, R>> outcomes() {
        return List.copyOf(outcomes);
    }

    /** Adds a line. Any thread may call it. */
    synchronized void append(Outcome<C, R> outcome) throws IOException {
        ObjectNode node = Json.MAPPER.createObjectNode();
        node.set("cell", Json.MAPPER.valueToTree(outcome.cell()));
        node.set("result", Json.MAPPER.valueToTree(outcome.result()));
        ByteBuffer line = ByteBuffer.wrap((node + "\n").getBytes(StandardCharsets.UTF_8));
        while (line.hasRemaining()) {
            channel.write(line);
        }
        channel.force(false);
        outcomes.add(outcome);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
