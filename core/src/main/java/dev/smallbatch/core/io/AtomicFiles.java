package dev.smallbatch.core.io;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;

/**
 * Replaces files and directories so that a crash, a {@code kill -9} or a power cut leaves the old or the new one, complete.
 *
 * <p>A file is written as {@code NAME.tmp-PID-TIME}, forced to disk, and renamed. A directory cannot be replaced by one
 * rename, hence by steps that {@link #recover} can take up at any point: fill {@code NAME.tmp}; force it to disk; rename it to
 * {@code NAME.new}, which from then on is the valid one; rename {@code NAME} to {@code NAME.old}; rename {@code NAME.new} to
 * {@code NAME}; delete {@code NAME.old}.
 *
 * <p>A directory has one writer at a time; readers in other processes use {@link #locate}. A symbolic link is followed: what it
 * points to is replaced.
 */
public final class AtomicFiles {
    private static final boolean WINDOWS = File.separatorChar == '\\';
    private static final int MAX_LINKS = 40;

    private AtomicFiles() {}

    /** Writes the content of one file; the channel can read back what it wrote. */
    @FunctionalInterface
    public interface FileContent {
        void write(FileChannel channel) throws IOException;
    }

    /** Fills an empty directory. */
    @FunctionalInterface
    public interface DirectoryContent {
        void write(Path directory) throws IOException;
    }

    /**
     * Creates or replaces a file.
     *
     * @throws IOException if that fails; a file that was there is then unchanged, and the message says what to do
     */
    public static void write(Path file, FileContent content) throws IOException {
        Path target = followed(file);
        Path temporary = beside(target, ".tmp-" + ProcessHandle.current().pid() + "-" + Long.toHexString(System.nanoTime()));
        try {
            requireParent(target);
            if (Files.isDirectory(target)) {
                throw new IOException("it is a directory; name a file");
            }
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ,
                    StandardOpenOption.WRITE)) {
                content.write(channel);
                channel.force(true);
            }
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            force(target.getParent());
        } catch (IOException e) {
            deleteAfter(e, temporary);
            throw explained(file, e);
        } catch (RuntimeException e) {
            deleteAfter(e, temporary);
            throw e;
        }
    }

    /** Creates or replaces a UTF-8 text file; errors as {@link #write}. */
    public static void writeText(Path file, String text) throws IOException {
        write(file, channel -> {
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /**
     * Creates or replaces a directory with everything in it. Recovers first.
     *
     * @throws IOException if that fails; a directory that was there is then still there, after {@link #recover} if need be
     */
    public static void replaceDirectory(Path directory, DirectoryContent content) throws IOException {
        replaceDirectory(directory, content, () -> {});
    }

    /** {@code afterStep} runs after each change of the disk; tests break off there. */
    static void replaceDirectory(Path directory, DirectoryContent content, Runnable afterStep) throws IOException {
        Path target = followed(directory);
        Path temporary = beside(target, ".tmp");
        try {
            requireParent(target);
            if (Files.exists(target) && !Files.isDirectory(target)) {
                throw new IOException("it is a file; name a directory");
            }
            complete(target, afterStep);
            Files.createDirectory(temporary);
            afterStep.run();
            content.write(temporary);
            forceTree(temporary);
            afterStep.run();
            Files.move(temporary, beside(target, ".new"), StandardCopyOption.ATOMIC_MOVE);
            force(target.getParent());
            afterStep.run();
            complete(target, afterStep);
        } catch (IOException e) {
            deleteAfter(e, temporary);
            throw explained(directory, e);
        } catch (RuntimeException e) {
            deleteAfter(e, temporary);
            throw e;
        }
    }

    /**
     * Finishes or undoes a replacement of {@code directory} that was interrupted, and removes what it left. Only for the one
     * process that writes there. Does nothing where nothing was interrupted.
     *
     * @throws IOException if that fails; it can be tried again
     */
    public static void recover(Path directory) throws IOException {
        recover(directory, () -> {});
    }

    static void recover(Path directory, Runnable afterStep) throws IOException {
        try {
            complete(followed(directory), afterStep);
        } catch (IOException e) {
            throw explained(directory, e);
        }
    }

    /**
     * Where the valid content of {@code directory} is now, without changing anything: usually there, beside it in the middle of a
     * replacement.
     *
     * @throws IOException if there is none
     */
    public static Path locate(Path directory) throws IOException {
        Path target = followed(directory);
        for (Path candidate : new Path[] {target, beside(target, ".new"), beside(target, ".old")}) {
            if (Files.isDirectory(candidate)) {
                return candidate;
            }
        }
        throw new IOException(directory + ": there is no such directory; check the path");
    }

    private static void complete(Path target, Runnable afterStep) throws IOException {
        Path parent = target.getParent();
        Path valid = beside(target, ".new");
        Path old = beside(target, ".old");
        if (Files.isDirectory(valid)) {
            if (Files.isDirectory(target)) {
                delete(old, afterStep);
                Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
                afterStep.run();
            }
            Files.move(valid, target, StandardCopyOption.ATOMIC_MOVE);
            afterStep.run();
            force(parent);
        } else if (!Files.isDirectory(target) && Files.isDirectory(old)) {
            Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
            afterStep.run();
            force(parent);
        }
        delete(old, afterStep);
        delete(beside(target, ".tmp"), afterStep);
    }

    /** The path behind symbolic links; there need not be anything at it, as in the middle of a replacement. */
    private static Path followed(Path path) throws IOException {
        Path followed = path.toAbsolutePath().normalize();
        for (int links = 0; Files.isSymbolicLink(followed); links++) {
            if (links == MAX_LINKS) {
                throw new IOException(path + ": more than " + MAX_LINKS + " symbolic links; do they form a circle?");
            }
            followed = followed.resolveSibling(Files.readSymbolicLink(followed)).normalize();
        }
        return followed;
    }

    private static void requireParent(Path target) throws IOException {
        Path parent = target.getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw new IOException("there is no directory " + parent + "; create it first");
        }
    }

    private static Path beside(Path target, String suffix) {
        return target.resolveSibling(target.getFileName() + suffix);
    }

    /** Deletes a file or a directory with everything in it, if it is there; links are deleted, not followed. */
    private static void delete(Path path, Runnable afterStep) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(path, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                return deleted(file);
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException failure) throws IOException {
                if (failure != null) {
                    throw failure;
                }
                return deleted(directory);
            }

            private FileVisitResult deleted(Path entry) throws IOException {
                Files.delete(entry);
                afterStep.run();
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static void deleteAfter(Exception failure, Path temporary) {
        try {
            delete(temporary, () -> {});
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /** Forces every file and directory below to disk, each directory after its entries. */
    private static void forceTree(Path directory) throws IOException {
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.force(true);
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, IOException failure) throws IOException {
                if (failure != null) {
                    throw failure;
                }
                force(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** Makes the renames in a directory durable. Windows cannot open a directory, and orders renames by itself. */
    private static void force(Path directory) throws IOException {
        if (WINDOWS) {
            return;
        }
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** The same failure with what was being written, and what to do about it. */
    static IOException explained(Path path, IOException failure) {
        String text = String.valueOf(failure.getMessage());
        if (text.startsWith("writing ")) {
            return failure; // A file inside the directory, explained already.
        }
        String problem;
        if (text.contains("No space left on device") || text.contains("Disk quota exceeded")) {
            problem = "the disk is full (" + text + "); free some space or write elsewhere; what was there before is unchanged";
        } else if (failure instanceof AccessDeniedException || text.contains("Read-only file system")) {
            problem = "no permission to write here (" + text + "); change the permissions or write elsewhere";
        } else {
            problem = text;
        }
        return new IOException("writing " + path + ": " + problem, failure);
    }
}
