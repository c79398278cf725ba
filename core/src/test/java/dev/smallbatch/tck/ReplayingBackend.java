package dev.smallbatch.tck;

import dev.smallbatch.core.replay.RecordingKernels;
import dev.smallbatch.core.replay.Replayer;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.Kernels;

/** A back end that computes while it records, and makes the recorded calls again on request: the accelerator's seam. */
final class ReplayingBackend implements Backend {
    private final Backend backend;
    private final RecordingKernels recording;
    private Replayer replayer;

    /** @param backend what computes; closed with this one */
    ReplayingBackend(Backend backend) {
        this.backend = backend;
        this.recording = new RecordingKernels(backend.kernels());
    }

    /** Makes every call made so far again, in order, on the same tensors. The first time ends the recording. */
    void replay() {
        if (replayer == null) {
            replayer = new Replayer(backend.kernels(), recording.calls());
        }
        replayer.run();
    }

    @Override
    public BackendInfo info() {
        return backend.info();
    }

    @Override
    public Kernels kernels() {
        return recording.kernels();
    }

    @Override
    public void close() {
        backend.close();
    }
}
