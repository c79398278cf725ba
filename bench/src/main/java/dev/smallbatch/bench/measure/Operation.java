package dev.smallbatch.bench.measure;

import dev.smallbatch.core.replay.RecordingKernels;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import java.util.function.Consumer;

/**
 * Calls of kernels on given operands.
 *
 * @param call makes them
 * @param work what they have to do
 */
public record Operation(Consumer<Kernels> call, Work work) {
    /** Counts the work by making the calls on the backend that computes nothing. */
    public static Operation of(Consumer<Kernels> call) {
        try (Backend none = Backends.open("none", new BackendOptions(1))) {
            RecordingKernels recording = new RecordingKernels(none.kernels());
            call.accept(recording.kernels());
            return new Operation(call, recording.calls().stream().map(Work::of).reduce(new Work(0, 0), Work::plus));
        }
    }
}
