package dev.smallbatch.core.cpu;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.tck.BackendConformance;

/** The scalar back end passes the conformance suite. */
class ScalarConformanceTest extends BackendConformance {
    @Override
    protected Backend open(int threads) {
        return Backends.open("scalar", new BackendOptions(threads));
    }
}
