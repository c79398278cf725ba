package dev.smallbatch.bench;

import static java.util.stream.Collectors.toMap;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Class path and module path find the same services. */
class ServiceFilesTest {
    private static final String BACKENDS = "dev.smallbatch.core.spi.BackendProvider";

    @ParameterizedTest
    @ValueSource(strings = {"core", "accel-tornado", "optim", "model", "bench"})
    void serviceFilesSayWhatTheModuleProvides(String module) throws IOException {
        assertEquals(provided(module), listed(module), "left: module-info.java of " + module
                + " (provides), right: its META-INF/services. List every provider in both");
    }

    @Test
    void backendsAreProvided() throws IOException {
        assertFalse(provided("core").get(BACKENDS).isEmpty());
        assertFalse(provided("accel-tornado").get(BACKENDS).isEmpty());
    }

    private static Map<String, TreeSet<String>> provided(String module) throws IOException {
        try (InputStream in = Files.newInputStream(SourceTree.classes(module).resolve("module-info.class"))) {
            return ModuleDescriptor.read(in).provides().stream()
                    .collect(toMap(ModuleDescriptor.Provides::service, p -> new TreeSet<>(p.providers())));
        }
    }

    private static Map<String, TreeSet<String>> listed(String module) {
        Path services = SourceTree.classes(module).resolve("META-INF/services");
        List<Path> files = Files.isDirectory(services) ? SourceTree.filesBelow(services, "") : List.of();
        return files.stream().filter(Files::isRegularFile)
                .collect(toMap(file -> file.getFileName().toString(), ServiceFilesTest::names));
    }

    private static TreeSet<String> names(Path file) {
        TreeSet<String> names = new TreeSet<>();
        SourceTree.read(file).lines().map(line -> line.replaceFirst("#.*", "").strip()).filter(line -> !line.isEmpty())
                .forEach(names::add);
        return names;
    }
}
