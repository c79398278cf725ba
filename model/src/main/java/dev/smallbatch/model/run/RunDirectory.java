package dev.smallbatch.model.run;

import dev.smallbatch.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The files of a training run. Everything that knows one of their names asks here.
 *
 * <pre>
 * config.json      what the run does, every default resolved
 * tokenizer.json   the vocabulary
 * data/            the text as token ids; needed to go on
 * metrics.jsonl    a JSON object for each logged step
 * loss.png         a plot of them
 * checkpoint/      model.safetensors, optimizer.safetensors, state.json: what --resume goes on from
 * model/           model.safetensors, config.json, tokenizer.json: the result
 * </pre>
 *
 * @param root the directory itself
 */
public record RunDirectory(Path root) {
    /** What the run does. */
    public Path config() {
        return root.resolve("config.json");
    }

    /** The vocabulary. */
    public Path tokenizer() {
        return root.resolve(Tokenizer.FILE_NAME);
    }

    /** Token shards. */
    public Path data() {
        return root.resolve("data");
    }

    /** A JSON object for each logged step. */
    public Path metrics() {
        return root.resolve("metrics.jsonl");
    }

    /** The plot. */
    public Path plot() {
        return root.resolve("loss.png");
    }

    /** The last checkpoint. */
    public Path checkpoint() {
        return root.resolve("checkpoint");
    }

    /** The trained model. */
    public Path model() {
        return root.resolve("model");
    }

    /** True if a run has begun here. */
    public boolean holdsRun() {
        return Files.exists(config());
    }

    /**
     * Creates the directory for a new run. It may hold prepared data, which is used again, and nothing else.
     *
     * @throws UsageException if it holds something else
     * @throws IOException if it cannot be created or written
     */
    void create() throws IOException {
        if (holdsRun()) {
            throw new UsageException("train: there is a run in " + root
                    + " already; go on with it by --resume, or choose another --out");
        }
        requireCreatable();
        try (Stream<Path> content = Files.list(root)) {
            List<Path> others = content.filter(path -> !path.equals(data())).sorted().toList();
            if (!others.isEmpty()) {
                throw new UsageException("train: " + root + " is not empty (it has " + others.getFirst().getFileName()
                        + "); choose another --out");
            }
        }
    }

    private void requireCreatable() throws IOException {
        try {
            Files.createDirectories(root);
            Files.delete(Files.createTempFile(root, ".writable", null));
        } catch (FileAlreadyExistsException e) {
            throw new IOException("train: " + e.getFile() + " is a file, not a directory; choose another --out", e);
        } catch (AccessDeniedException e) {
            throw new IOException("train: no permission to write in " + root
                    + "; change the permissions or choose another --out", e);
        } catch (IOException e) {
            throw new IOException("train: cannot write in " + root + " (" + e.getMessage() + "); choose another --out", e);
        }
    }
}
