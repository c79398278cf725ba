package dev.smallbatch.model.run;

import dev.smallbatch.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
 * lock             empty; locked by the process that trains here
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

    private Path lockFile() {
        return root.resolve("lock");
    }

    /** True if a run has begun here. */
    public boolean holdsRun() {
        return Files.exists(config());
    }

    /**
     * Requires a run to go on with.
     *
     * @throws UsageException if there is none
     */
    void requireRun() {
        if (!holdsRun()) {
            throw new UsageException("train --resume: there is no run in " + root + "; check --out, or leave --resume out");
        }
    }

    /**
     * Creates the directory for a new run. It may hold prepared data, which is used again, and a lock, and nothing else.
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
            List<Path> others = content.filter(path -> !path.equals(data()) && !path.equals(lockFile())).sorted().toList();
            if (!others.isEmpty()) {
                throw new UsageException("train: " + root + " is not empty (it has " + others.getFirst().getFileName()
                        + "); choose another --out");
            }
        }
    }

    /** A lock on a directory; until it is closed nobody else gets one. */
    @FunctionalInterface
    interface Lock extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Keeps everybody else from training here. The system frees the lock of a process that ends, however it ends. The file
     * stays: if it were deleted, two processes could hold locks on two files of its name. A second run in this process is
     * refused, too; but on POSIX systems, where locks belong to processes, its attempt lets other processes in.
     *
     * @throws IOException if another run has the lock, in this process or another; or if nothing can be locked here
     */
    Lock lock() throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(lockFile(), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new IOException("train: cannot write " + lockFile() + " (" + e + "); make " + root + " writable, or choose"
                    + " another --out", e);
        }
        try {
            if (channel.tryLock() == null) {
                throw new OverlappingFileLockException();
            }
        } catch (OverlappingFileLockException e) {
            channel.close();
            throw new IOException("train: another run is training in " + root + " now; wait until it ends or stop it, and go on"
                    + " by --resume, or choose another --out", e);
        } catch (IOException e) {
            channel.close();
            throw new IOException("train: cannot lock " + lockFile() + " (" + e.getMessage() + "); choose an --out on another"
                    + " file system", e);
        }
        return () -> {
            try {
                channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
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
