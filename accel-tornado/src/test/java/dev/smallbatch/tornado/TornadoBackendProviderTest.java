package dev.smallbatch.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TornadoBackendProviderTest {
    private static final String BASE = "TORNADOVM_HOME is ";

    @TempDir
    Path directory;

    @Test
    void saysThatNoSdkIsNamed() {
        assertEquals("TORNADOVM_HOME is not set", reason(null));
        assertEquals("TORNADOVM_HOME is not set", reason(" "));
    }

    @Test
    void saysThatTheSdkDoesNotExist() {
        Path missing = directory.resolve("missing");
        assertEquals(BASE + missing + ", which is not a directory; set it to a TornadoVM SDK", reason(missing.toString()));
    }

    @Test
    void saysThatTheDirectoryIsNoSdk() {
        assertEquals(BASE + directory + ", which has no readable tornado-argfile; set it to a TornadoVM SDK",
                reason(directory.toString()));
    }

    @Test
    void saysThatThisVersionHasNoKernelsForTheSdk() throws IOException {
        Files.createFile(directory.resolve("tornado-argfile"));
        assertEquals("an SDK was found, but the TornadoVM backend is not part of this version", reason(directory.toString()));
    }

    @Test
    void probesWithoutThrowingWhereTheNameIsNoPath() {
        assertTrue(reason("a\0b").startsWith("TORNADOVM_HOME is not a path"), reason("a\0b"));
    }

    @Test
    void refusesToOpenWithTheReasonOfTheProbe() {
        var provider = new TornadoBackendProvider((String) null);
        var refusal = assertThrows(IllegalStateException.class, () -> provider.open(new BackendOptions(1)));
        assertEquals("backend tornado is unusable: TORNADOVM_HOME is not set", refusal.getMessage());
    }

    @Test
    void isInTheSurveyAndAutoPicksAnother() {
        var found = Backends.survey().stream().filter(c -> c.provider() instanceof TornadoBackendProvider).findFirst();
        assertFalse(found.orElseThrow().availability().usable());
        try (Backend backend = Backends.open("auto", new BackendOptions(1))) {
            assertFalse(backend.info().name().equals("tornado"), backend.info().toString());
        }
    }

    private static String reason(String home) {
        var availability = new TornadoBackendProvider(home).probe();
        assertFalse(availability.usable());
        return availability.reason();
    }
}
