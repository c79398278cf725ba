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
 * are initialized, about to be loaded, or, in a counting region, only planned. Weight matrices and tables have the type the
 * factory was made with; vectors (biases, weights of normalizations) are few and always F32.
 */
public final class ParameterFactory {
    private final Region region;
    private final DType dtype;
    private final RandomKey key;
    private final String path;

    private ParameterFactory(Region region, DType dtype, RandomKey key, String path) {
        if (dtype != DType.F32 && dtype != DType.BF16) {
            throw new IllegalArgumentException("parameters: weights of type " + dtype + "; they are F32 or BF16");
        }
        this.region = region;
        this.dtype = dtype;
        this.key = key;
        this.path = path;
    }

    /**
     * Fresh weights: those of a parameter depend on {@code key} and its name alone, not on the order of creation.
     *
     * @param dtype of matrices and tables: F32, or BF16 for the same numbers rounded to nearest
     */
    public static ParameterFactory initializing(Region region, DType dtype, RandomKey key) {
        return new ParameterFactory(region, dtype, key, "");
    }

    /**
     * Weights with undefined contents, for a file to be read into.
     *
     * @param dtype of matrices and tables: F32 or BF16
     */
    public static ParameterFactory uninitialized(Region region, DType dtype) {
        return new ParameterFactory(region, dtype, null, "");
    }

    /** The factory of a part: its names start with {@code name} and a dot. */
    public ParameterFactory sub(String name) {
        return new ParameterFactory(region, dtype, key, path + name + ".");
    }

    /** A new parameter, with its first values if this factory initializes. */
    public Parameter create(String name, Shape shape, Role role, Init init) {
        return create(name, shape, role, Shape.of(shape.rows(), shape.cols()), init);
    }

    /** As the other, for several matrices in one; see {@link Parameter#block}. */
    public Parameter create(String name, Shape shape, Role role, Shape block, Init init) {
        Tensor value = region.allocate(role == Role.VECTOR ? DType.F32 : dtype, shape);
        Parameter parameter = new Parameter(path + name, value, role, block);
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
