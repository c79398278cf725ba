package dev.smallbatch.core.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.tck.BackendConformance;
import org.junit.jupiter.api.Test;

/**
 * The vector back end passes the conformance suite. The build runs it at the preferred width and, through
 * {@code smallbatch.vectorBits}, at 128 and 256 bits.
 */
class VectorConformanceTest extends BackendConformance {
    @Override
    protected Backend open(int threads) {
        return Backends.open("vector", new BackendOptions(threads));
    }

    @Test
    void runsAtTheWidthThatWasAskedFor() {
        try (Backend backend = open(1)) {
            String detail = backend.info().detail();
            Integer bits = Integer.getInteger("smallbatch.vectorBits");
            int lanes = Integer.parseInt(detail.substring(0, detail.indexOf(' ')));
            assertEquals("vector", backend.info().name());
            assertTrue(detail.startsWith(lanes + " x f32"), detail);
            assertTrue(lanes >= 4, detail);
            assertTrue(bits == null || bits == 32 * lanes, () -> bits + " bits were asked for, the back end has " + detail);
        }
    }
}
