package dev.smallbatch.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The checked-out project: what the tests of its form read. */
final class SourceTree {
    /** Every module, in build order. */
    static final List<String> MODULES = List.of("core", "accel-tornado", "optim", "model", "bench");

    private SourceTree() {}

    /** The directory of the root pom; the build passes it. */
    static Path root() {
        String root = System.getProperty("smallbatch.root");
        if (root == null) {
            throw new IllegalStateException("smallbatch.root is not set; run with Maven, or give -Dsmallbatch.root");
        }
        return Path.of(root).normalize();
    }

    /** Where the compiler put a module's classes. */
    static Path classes(String module) {
        return root().resolve(module).resolve("target/classes");
    }

    /** The Java sources of a module, sorted; {@code part} is {@code main} or {@code test}. */
    static List<Path> javaSources(String module, String part) {
        Path sources = root().resolve(module).resolve("src").resolve(part).resolve("java");
        return Files.isDirectory(sources) ? filesBelow(sources, ".java") : List.of();
    }

    /** All files below a directory whose names end so, build output and hidden directories left out, sorted. */
    static List<Path> filesBelow(Path directory, String suffix) {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(f -> f.toString().endsWith(suffix) && !isNoSource(directory.relativize(f))).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isNoSource(Path relative) {
        for (Path name : relative) {
            if (name.toString().equals("target") || name.toString().startsWith(".")) {
                return true;
            }
        }
        return false;
    }

    /** A path as documents name it: relative to the root, with slashes. */
    static String name(Path file) {
        return root().relativize(file).toString().replace('\\', '/');
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
