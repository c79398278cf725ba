package dev.smallbatch.core.replay;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ReplayTest {
    private final Region region = Region.create("test", 4096);
    private final Backend backend = Backends.open("scalar", new BackendOptions(1));
    private final RecordingKernels recording = new RecordingKernels(backend.kernels());
    private final Tensor x = region.allocate(DType.F32, Shape.of(2, 3));
    private final Tensor weight = region.allocate(DType.F32, Shape.of(2, 3));
    private final Tensor out = region.allocate(DType.F32, Shape.of(2, 2));

    @AfterEach
    void close() {
        backend.close();
        region.close();
    }

    private void step() {
        recording.kernels().elementwise().fill(weight, 2);
        recording.kernels().matmul().linear(out, x, weight, null);
        recording.kernels().activation().activate(out, out, Activation.RELU_SQUARED);
    }

    @Test
    void callsArePassedOn() {
        x.copyFrom(new float[] {1, 2, 3, -1, -2, -3});
        step();
        assertArrayEquals(new float[] {144, 144, 0, 0}, out.toFloatArray());
    }

    @Test
    void callsAreListedInOrderWithTheirArguments() {
        x.copyFrom(new float[6]);
        step();
        assertEquals(List.of(
                new KernelCall("elementwise", "fill", List.of(weight, 2f)),
                new KernelCall("matmul", "linear", Arrays.asList(out, x, weight, null)),
                new KernelCall("activation", "activate", List.of(out, out, Activation.RELU_SQUARED))), recording.calls());
    }

    @Test
    void aReplayComputesTheSameOnNewInputs() {
        x.copyFrom(new float[6]);
        step();
        Replayer replayer = new Replayer(backend.kernels(), recording.calls());
        for (float scale : new float[] {1, 2}) {
            x.copyFrom(new float[] {scale, 0, 0, 0, 0, -scale});
            replayer.run();
            assertArrayEquals(new float[] {4 * scale * scale, 4 * scale * scale, 0, 0}, out.toFloatArray());
        }
    }

    @Test
    void everyFamilyIsRecorded() {
        assertNotNull(recording.kernels().matmul());
        assertNotNull(recording.kernels().norm());
        assertNotNull(recording.kernels().activation());
        assertNotNull(recording.kernels().attention());
        assertNotNull(recording.kernels().embedding());
        assertNotNull(recording.kernels().loss());
        assertNotNull(recording.kernels().elementwise());
        assertNotNull(recording.kernels().update());
    }

    @Test
    void aCallThatThrowsKeepsItsExceptionAndIsNotListed() {
        assertThrows(ShapeException.class, () -> recording.kernels().elementwise().axpy(x, 1, out));
        assertTrue(recording.calls().isEmpty());
    }

    @Test
    void aReplayThatThrowsKeepsTheException() {
        Replayer replayer = new Replayer(backend.kernels(), List.of(new KernelCall("elementwise", "axpy", List.of(x, 1f, out))));
        assertThrows(ShapeException.class, replayer::run);
    }

    @Test
    void methodsOfObjectAreNotRecorded() {
        assertEquals(recording.kernels().norm().hashCode(), recording.kernels().norm().hashCode());
        assertNotNull(recording.kernels().norm().toString());
        assertTrue(recording.calls().isEmpty());
    }

    @Test
    void callsToKernelsThatDoNotExistAreRefused() {
        assertEquals("replay: no family of kernels is called music", assertThrows(IllegalArgumentException.class,
                () -> new Replayer(backend.kernels(), List.of(new KernelCall("music", "play", List.of())))).getMessage());
        assertEquals("replay: family norm has no kernel play", assertThrows(IllegalArgumentException.class,
                () -> new Replayer(backend.kernels(), List.of(new KernelCall("norm", "play", List.of())))).getMessage());
    }

    @Test
    void aCallPrintsItsArguments() {
        assertEquals("matmul.linear(f32 (2, 2), f32 (2, 3), f32 (2, 3), null)",
                new KernelCall("matmul", "linear", Arrays.asList(out, x, weight, null)).toString());
    }
}
