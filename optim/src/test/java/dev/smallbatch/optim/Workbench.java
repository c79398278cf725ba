package dev.smallbatch.optim;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/** A back end and a megabyte of memory, for one test. */
public final class Workbench implements AutoCloseable {
    private final Backend backend;
    private final Region region;

    /** On the scalar back end. */
    public Workbench() {
        this("scalar", 1);
    }

    public Workbench(String backendName, int threads) {
        backend = Backends.open(backendName, new BackendOptions(threads));
        region = Region.create("test", 1 << 20);
    }

    public Kernels kernels() {
        return backend.kernels();
    }

    public Region region() {
        return region;
    }

    public Tensor tensor(Shape shape, float... values) {
        Tensor tensor = region.allocate(DType.F32, shape);
        tensor.copyFrom(values);
        return tensor;
    }

    public Tensor vector(float... values) {
        return tensor(Shape.of(values.length), values);
    }

    public Parameter parameter(String name, Shape shape, float... values) {
        return new Parameter(name, tensor(shape, values), Role.MATRIX);
    }

    @Override
    public void close() {
        region.close();
        backend.close();
    }
}
