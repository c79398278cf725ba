package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.spi.Availability;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.BackendProvider;

/**
 * Finds out whether the Vector API can be used. Mentions no vector type, so that it loads without the incubator module.
 */
public final class VectorBackendProvider implements BackendProvider {
    private static final String MODULE = "jdk.incubator.vector";

    /** For {@link java.util.ServiceLoader}. */
    public VectorBackendProvider() {}

    @Override
    public String name() {
        return "vector";
    }

    @Override
    public int priority() {
        return 100;
    }

    @Override
    public Availability probe() {
        if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
            return new Availability(false, "module " + MODULE + " is not resolved; start java with --add-modules " + MODULE);
        }
        String bits = System.getProperty("smallbatch.vectorBits", "256");
        if (!bits.matches("128|256|512")) {
            return new Availability(false, "smallbatch.vectorBits is " + bits + "; it must be 128, 256 or 512");
        }
        String failure;
        try {
            failure = VectorSelfTest.failure();
        } catch (UnsupportedOperationException | IllegalArgumentException e) {
            failure = e.getMessage();
        }
        if (failure != null) {
            return new Availability(false, "the Vector API does not work here: " + failure);
        }
        return new Availability(true, VectorSelfTest.width() + slowness());
    }

    /** Empty where vectors are compiled; else why they will crawl. */
    private static String slowness() {
        String compiler = System.getProperty("java.vm.info", "");
        boolean interpreted = compiler.contains("interpreted");
        return interpreted ? "; slow: the JVM runs interpreted (-Xint)" : "";
    }

    @Override
    public Backend open(BackendOptions options) {
        return new VectorBackend(options);
    }
}
