package dev.smallbatch.core.tensor;

import java.util.Arrays;

/**
 * Dimensions of a tensor: rank 0 to 4, row-major, immutable. Kernels see a shape as {@link #rows()} by {@link #cols()}.
 */
public final class Shape {
    private static final int MAX_RANK = 4;

    private final long[] dims;
    private final long numel;

    private Shape(long[] dims) {
        long product = 1;
        for (long dim : dims) {
            if (dim < 0) {
                throw new ShapeException("shape " + text(dims) + ": dimension " + dim + " is negative");
            }
            try {
                product = Math.multiplyExact(product, dim);
            } catch (ArithmeticException e) {
                throw new ShapeException("shape " + text(dims) + ": more than 2^63 elements");
            }
        }
        this.dims = dims;
        this.numel = product;
    }

    /**
     * A shape of the given dimensions.
     *
     * @throws ShapeException if there are more than four, one is negative, or their product exceeds 2^63 - 1
     */
    public static Shape of(long... dims) {
        if (dims.length > MAX_RANK) {
            throw new ShapeException("shape " + text(dims) + ": rank " + dims.length + ", at most " + MAX_RANK);
        }
        return new Shape(dims.clone());
    }

    public int rank() {
        return dims.length;
    }

    /** Size along {@code axis}; a negative axis counts from the end. */
    public long dim(int axis) {
        int index = axis < 0 ? axis + dims.length : axis;
        if (index < 0 || index >= dims.length) {
            throw new ShapeException("shape " + this + ": no axis " + axis);
        }
        return dims[index];
    }

    /** Number of elements; 1 for rank 0. */
    public long numel() {
        return numel;
    }

    /** Product of all dimensions but the last; 1 for rank 0 and 1. */
    public long rows() {
        long rows = 1;
        for (int i = 0; i < dims.length - 1; i++) {
            rows *= dims[i];
        }
        return rows;
    }

    /** The last dimension; 1 for rank 0. */
    public long cols() {
        return dims.length == 0 ? 1 : dims[dims.length - 1];
    }

    /** The dimensions, a copy. */
    public long[] dims() {
        return dims.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /** For example {@code (2, 1024, 768)}. */
    @Override
    public String toString() {
        return text(dims);
    }

    private static String text(long[] dims) {
        String list = Arrays.toString(dims);
        return "(" + list.substring(1, list.length() - 1) + ")";
    }
}
