package dev.smallbatch.core.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.function.Executable;

/** Tensors and checked kernels that compute nothing, for tests of what the checks refuse, in which words, and let pass. */
abstract class CheckedKernelsFixture {
    final Region region = Region.create("test", 1 << 18);
    private final Backend backend = Backends.open("none", new BackendOptions(1));
    final Kernels kernels = backend.kernels();

    @AfterEach
    void close() {
        backend.close();
        region.close();
    }

    Tensor f32(long... dims) {
        return region.allocate(DType.F32, Shape.of(dims));
    }

    Tensor i32(long... dims) {
        return region.allocate(DType.I32, Shape.of(dims));
    }

    static void refused(String message, Executable call) {
        assertEquals(message, assertThrows(ShapeException.class, call).getMessage());
    }

    /** Two overlapping tensors of {@code dims}, the second one row further. */
    Tensor[] shifted(long... dims) {
        long[] longer = dims.clone();
        longer[0]++;
        Tensor whole = f32(longer);
        return new Tensor[] {whole.rows(0, dims[0]), whole.rows(1, dims[0] + 1)};
    }
}
