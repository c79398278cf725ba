package dev.smallbatch.tornado;

import dev.smallbatch.core.spi.Availability;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.BackendProvider;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * Says what keeps the TornadoVM backend from running. This version has no TornadoVM kernels, so the answer is always no;
 * the probe still looks for the SDK, whose argument file such a JVM has to be started with.
 */
public final class TornadoBackendProvider implements BackendProvider {
    private static final String HOME = "TORNADOVM_HOME";
    private static final String ARGUMENT_FILE = "tornado-argfile";

    private final String home;

    /** For {@link java.util.ServiceLoader}: the SDK is where the environment says. */
    public TornadoBackendProvider() {
        this(System.getenv(HOME));
    }

    /** @param home of the SDK; null if none is named */
    TornadoBackendProvider(String home) {
        this.home = home;
    }

    @Override
    public String name() {
        return "tornado";
    }

    @Override
    public int priority() {
        return 50;
    }

    @Override
    public Availability probe() {
        return new Availability(false, whatIsMissing());
    }

    private String whatIsMissing() {
        if (home == null || home.isBlank()) {
            return HOME + " is not set";
        }
        Path sdk;
        try {
            sdk = Path.of(home);
        } catch (InvalidPathException e) {
            return HOME + " is not a path: " + e.getMessage();
        }
        if (!Files.isDirectory(sdk)) {
            return HOME + " is " + sdk + ", which is not a directory; set it to a TornadoVM SDK";
        }
        if (!Files.isReadable(sdk.resolve(ARGUMENT_FILE))) {
            return HOME + " is " + sdk + ", which has no readable " + ARGUMENT_FILE + "; set it to a TornadoVM SDK";
        }
        return "an SDK was found, but the TornadoVM backend is not part of this version";
    }

    /**
     * Refuses.
     *
     * @throws IllegalStateException always, with the reason that {@link #probe} gives
     */
    @Override
    public Backend open(BackendOptions options) {
        throw new IllegalStateException("backend tornado is unusable: " + whatIsMissing());
    }
}
