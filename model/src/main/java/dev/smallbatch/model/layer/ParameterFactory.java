package dev.smallbatch.model.layer;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * Creates the parameters of a model in a region, under dotted names. The constructors of layers are the same whether weights
 * are initialized, about to be loaded, or, in a counting region, only planned.
 */
public final class ParameterFactory {
    private final Region region;
    private final RandomKey key;
    private final String path;

    private ParameterFactory(Region region, RandomKey key, String path) {
        this.region = region;
        this.key = key;
        this.path = path;
    }

    /** Fresh weights: those of a parameter depend on {@code key} and its name alone, not on the order of creation. */
    public static ParameterFactory initializing(Region region, RandomKey key) {
        return new ParameterFactory(region, key, "");
    }

    /** Weights with undefined contents, for a file to be read into. */
    public static ParameterFactory uninitialized(Region region) {
        return new ParameterFactory(region, null, "");
    }

    /** The factory of a part: its names start with {@code name} and a dot. */
    public ParameterFactory sub(String name) {
        return new ParameterFactory(region, key, path + name + ".");
    }

    /** A new F32 parameter, with its first values if this factory initializes. */
    public Parameter create(String name, Shape shape, Role role, Init init) {
        Parameter parameter = new Parameter(path + name, region.allocate(DType.F32, shape), role);
        if (key != null) {
            init.fill(parameter.value(), key.fork(parameter.name()));
        }
        return parameter;
    }

    /** An F32 tensor that lives as long as the parameters and is not one; its contents are undefined. */
    public Tensor constant(Shape shape) {
        return region.allocate(DType.F32, shape);
    }
}
