package dev.smallbatch.model;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Test data that is not in the repository: texts and reference numbers of other programs. */
public final class SharedData {
    private SharedData() {}

    /** The file or directory; the test is skipped where it does not exist. */
    public static Path require(String relative) {
        Path path = Path.of(System.getProperty("smallbatch.data", "no-data")).resolve(relative);
        assumeTrue(Files.exists(path), () -> "shared data absent: " + relative);
        return path;
    }
}
