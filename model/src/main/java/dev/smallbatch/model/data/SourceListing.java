package dev.smallbatch.model.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileSystems;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.regex.PatternSyntaxException;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Finds the files of a corpus: files as they are named; in directories and archives all that match a glob, in order of their
 * names, leaving out hidden ones (with a name that begins with a dot). A glob without a slash is for the file's name alone,
 * one with a slash for the path from the directory.
 */
final class SourceListing {
    private final List<Source> sources = new ArrayList<>();
    private final String glob;
    private final PathMatcher matcher;
    private final boolean nameOnly;

    private SourceListing(String glob) {
        this.glob = glob == null ? "**" : glob;
        nameOnly = !this.glob.contains("/");
        try {
            matcher = FileSystems.getDefault().getPathMatcher("glob:" + this.glob);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException("read corpus: \"" + glob + "\" is not a glob: " + e.getDescription()
                    + "; examples: *.txt, docs/**.md, {*.java,*.kt}", e);
        }
    }

    /** All sources of the paths, in the order of the paths. */
    static List<Source> list(List<Path> paths, String glob) throws IOException {
        SourceListing listing = new SourceListing(glob);
        for (Path path : paths) {
            listing.add(path);
        }
        return List.copyOf(listing.sources);
    }

    private void add(Path path) throws IOException {
        if (!Files.exists(path)) {
            throw new CorpusException("read corpus: " + path + " does not exist; check the path");
        }
        requireReadable(path);
        if (Files.isDirectory(path)) {
            addDirectory(path);
        } else if (!Files.isRegularFile(path)) {
            throw new CorpusException("read corpus: " + path + " is neither a file nor a directory; copy its content to a file");
        } else if (isArchive(path)) {
            addArchive(path);
        } else {
            sources.add(new Source(path.toString(), true, path, null, Files.size(path), modified(path)));
        }
    }

    private void addDirectory(Path directory) throws IOException {
        List<Source> found = new ArrayList<>();
        int[] seen = {0};
        Files.walkFileTree(directory, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path visited, BasicFileAttributes attributes) {
                boolean hidden = !visited.equals(directory) && hidden(visited);
                return hidden ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (attributes.isRegularFile() && !hidden(file)) {
                    seen[0]++;
                    if (matches(directory.relativize(file))) {
                        requireReadable(file);
                        found.add(new Source(file.toString(), false, file, null, attributes.size(),
                                attributes.lastModifiedTime().toMillis()));
                    }
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                if (failure instanceof FileSystemLoopException || Files.isSymbolicLink(file)) {
                    return FileVisitResult.CONTINUE;
                }
                throw new CorpusException("read corpus: " + file + " cannot be read (" + failure.getMessage()
                        + "); change its permissions or leave it out with a glob", failure);
            }
        });
        addSorted(directory, found, seen[0]);
    }

    private void addArchive(Path archive) throws IOException {
        List<Source> found = new ArrayList<>();
        int seen = 0;
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                String name = entry.getName();
                if (entry.isDirectory() || name.startsWith(".") || name.contains("/.")) {
                    continue;
                }
                seen++;
                if (matches(Path.of(name))) {
                    found.add(new Source(archive + "!/" + name, false, archive, name, entry.getSize(), modified(archive)));
                }
            }
        } catch (IOException | IllegalArgumentException e) {
            throw new CorpusException("read corpus: archive " + archive + " is damaged (" + e.getMessage()
                    + "); copy it again", e);
        }
        addSorted(archive, found, seen);
    }

    private void addSorted(Path place, List<Source> found, int seen) throws CorpusException {
        if (found.isEmpty()) {
            throw new CorpusException("read corpus: none of the " + seen + " files in " + place + " matches \"" + glob
                    + "\"; check the path and the glob");
        }
        found.sort(Comparator.comparing((Source source) -> source.name().replace('\\', '/')));
        sources.addAll(found);
    }

    private boolean matches(Path relative) {
        return matcher.matches(nameOnly ? relative.getFileName() : relative);
    }

    private static boolean hidden(Path path) {
        return path.getFileName() != null && path.getFileName().toString().startsWith(".");
    }

    private static void requireReadable(Path path) throws CorpusException {
        if (!Files.isReadable(path)) {
            throw new CorpusException("read corpus: " + path + " may not be read; change its permissions");
        }
    }

    private static long modified(Path path) throws IOException {
        return Files.getLastModifiedTime(path).toMillis();
    }

    /** Whether the file begins like a zip or jar, with an entry or with the end of an empty archive. */
    private static boolean isArchive(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] start = in.readNBytes(4);
            return start.length == 4 && start[0] == 'P' && start[1] == 'K'
                    && (start[2] == 3 && start[3] == 4 || start[2] == 5 && start[3] == 6);
        }
    }
}
