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
 * Creates the parameters of a model in a region, under dotted names. The constructors of layers are the same whether
 * the weights are initialized, loaded or, in a counting region, only planned: the {@link Source} makes the difference.
 */
public final class ParameterFactory {
    private final Region region;
    private final Source source;
    private final String path;

    /** Where the first values of parameters come from; not asked in a counting region. */
    @FunctionalInterface
    public interface Source {
        /** Writes every element of a new parameter; {@code init} is what the model starts with if nothing is loaded. */
        void fill(Parameter parameter, Init init);
    }

    /**
     * @param region where parameters and constant tables live; a counting region makes a model without memory
     * @param source writes their first values
     */
    public ParameterFactory(Region region, Source source) {
        this(region, source, "");
    }

    private ParameterFactory(Region region, Source source, String path) {
        this.region = region;
        this.source = source;
        this.path = path;
    }

    /** Fresh weights: those of a parameter depend on {@code key} and its name alone, not on the order of creation. */
    public static ParameterFactory initializing(Region region, RandomKey key) {
        return new ParameterFactory(region, (parameter, init) -> init.fill(parameter.value(), key.fork(parameter.name())));
    }

    /** No weights at all, only names and shapes: for counting and for checking files. */
    public static ParameterFactory planning() {
        return new ParameterFactory(Region.counting("plan"), (parameter, init) -> {});
    }

    /** The factory of a part: its names start with {@code name} and a dot. */
    public ParameterFactory sub(String name) {
        return new ParameterFactory(region, source, path + name + ".");
    }

    /** A new F32 parameter with its first values. */
    public Parameter create(String name, Shape shape, Role role, Init init) {
        Parameter parameter = new Parameter(path + name, region.allocate(DType.F32, shape), role);
        if (!region.isCounting()) {
            source.fill(parameter, init);
        }
        return parameter;
    }

    /** An F32 tensor that lives as long as the parameters and is not one; planned in a counting region, else undefined. */
    public Tensor constant(Shape shape) {
        return region.allocate(DType.F32, shape);
    }
}
