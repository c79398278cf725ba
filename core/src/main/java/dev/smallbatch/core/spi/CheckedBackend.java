package dev.smallbatch.core.spi;

/** A back end whose kernels check their arguments first. */
final class CheckedBackend implements Backend {
    private final Backend backend;
    private final Kernels kernels;

    CheckedBackend(Backend backend) {
        this.backend = backend;
        this.kernels = CheckedKernels.of(backend.kernels());
    }

    @Override
    public BackendInfo info() {
        return backend.info();
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public void close() {
        backend.close();
    }
}
