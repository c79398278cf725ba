package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Kernels;

/** The specification as a back end. Owns its threads; its bits depend neither on them nor on the JVM. */
final class ScalarBackend implements Backend {
    private final Parallel parallel;
    private final Kernels kernels;

    ScalarBackend(BackendOptions options) {
        parallel = Parallel.of(options.threads());
        kernels = new Kernels(new ScalarMatmul(parallel), new ScalarNorm(parallel),
                new ScalarActivation(parallel), new ScalarAttention(parallel),
                new ScalarEmbedding(parallel), new ScalarLoss(parallel),
                new ScalarElementwise(parallel), new ScalarUpdate(parallel),
                new ScalarQuantizedUpdate(parallel));
    }

    @Override
    public BackendInfo info() {
        return new BackendInfo("scalar", "1 x f32, sums in f64", parallel.threads(), true);
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public void close() {
        parallel.close();
    }
}
