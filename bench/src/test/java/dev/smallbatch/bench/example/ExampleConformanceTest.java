package dev.smallbatch.bench.example;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.tck.BackendConformance;
import org.junit.jupiter.api.extension.ExtendWith;

/** The example passes the conformance suite, of which only the family that it implements itself is run. */
@ExtendWith(ElementwiseAlone.class)
class ExampleConformanceTest extends BackendConformance {
    @Override
    protected Backend open(int threads) {
        return Backends.open("example", new BackendOptions(threads));
    }
}
