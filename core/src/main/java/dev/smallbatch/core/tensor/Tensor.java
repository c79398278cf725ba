package dev.smallbatch.core.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/**
 * A typed, shaped, contiguous, row-major view of native memory. It owns nothing: its {@link Region} does. Holds no
 * graph and no gradient. Any thread may read and write; races are the caller's concern.
 */
public final class Tensor {
    private final Region region;
    private final DType dtype;
    private final Shape shape;
    private final MemorySegment segment;

    Tensor(Region region, DType dtype, Shape shape, MemorySegment segment) {
        this.region = region;
        this.dtype = dtype;
        this.shape = shape;
        this.segment = segment;
    }

    public Shape shape() {
        return shape;
    }

    public DType dtype() {
        return dtype;
    }

    public long numel() {
        return shape.numel();
    }

    /** Size of the payload in bytes. */
    public long bytes() {
        return shape.numel() * dtype.bytes();
    }

    /**
     * The payload, exactly {@link #bytes()} long, in native byte order.
     *
     * @throws IllegalStateException if the tensor only plans memory
     */
    public MemorySegment segment() {
        if (segment == null) {
            throw new IllegalStateException("tensor " + dtype + " " + shape + " of region " + region.label()
                    + " only plans memory; open a backend that computes");
        }
        return segment;
    }

    /** True while the region that owns the memory is open. */
    public boolean isAlive() {
        return region.isOpen();
    }

    /** True if the tensor has a shape but no memory (see {@link Region#counting}). */
    public boolean isPlanned() {
        return segment == null;
    }

    /** The same memory under another shape with as many elements. */
    public Tensor reshape(Shape other) {
        if (other.numel() != shape.numel()) {
            throw new ShapeException("reshape: " + shape + " has " + shape.numel() + " elements, " + other + " has "
                    + other.numel());
        }
        return new Tensor(region, dtype, other, segment);
    }

    /** Rows {@code from} (inclusive) to {@code to} (exclusive) of the first axis, the same memory. */
    public Tensor rows(long from, long to) {
        if (shape.rank() == 0 || from < 0 || to < from || to > shape.dim(0)) {
            throw new ShapeException("rows " + from + " to " + to + " of " + shape);
        }
        long[] dims = shape.dims();
        dims[0] = to - from;
        Shape part = Shape.of(dims);
        long rowBytes = shape.dim(0) == 0 ? 0 : bytes() / shape.dim(0);
        return new Tensor(region, dtype, part,
                segment == null ? null : segment.asSlice(from * rowBytes, part.numel() * dtype.bytes()));
    }

    /** True if the two share at least one byte. */
    public boolean overlaps(Tensor other) {
        if (segment == null || other.segment == null || bytes() == 0 || other.bytes() == 0) {
            return false;
        }
        long a = segment.address();
        long b = other.segment.address();
        return a < b + other.bytes() && b < a + bytes();
    }

    /** One element widened to float; for tests and debugging. */
    public float get(long... index) {
        return getFlat(offset(index));
    }

    /** The element at row-major position {@code i} widened to float; for tests and debugging. */
    public float getFlat(long i) {
        return switch (dtype) {
            case F32 -> segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
            case BF16 -> BFloat16.toFloat(segment().getAtIndex(ValueLayout.JAVA_SHORT, i));
            case F16 -> Float.float16ToFloat(segment().getAtIndex(ValueLayout.JAVA_SHORT, i));
            case I32 -> segment().getAtIndex(ValueLayout.JAVA_INT, i);
            case U8 -> Byte.toUnsignedInt(segment().get(ValueLayout.JAVA_BYTE, i));
        };
    }

    /** Copies all of {@code values} into this F32 tensor. */
    public void copyFrom(float[] values) {
        require(DType.F32, values.length);
        MemorySegment.copy(values, 0, segment(), ValueLayout.JAVA_FLOAT, 0, values.length);
    }

    /** Copies all of {@code values} into this I32 tensor. */
    public void copyFrom(int[] values) {
        require(DType.I32, values.length);
        MemorySegment.copy(values, 0, segment(), ValueLayout.JAVA_INT, 0, values.length);
    }

    /** The elements of this F32 tensor. */
    public float[] toFloatArray() {
        require(DType.F32, numel());
        return segment().toArray(ValueLayout.JAVA_FLOAT);
    }

    private void require(DType expected, long count) {
        if (dtype != expected || count != numel()) {
            throw new ShapeException("copy: tensor " + this + " against " + count + " elements of " + expected);
        }
    }

    private long offset(long[] index) {
        if (index.length != shape.rank()) {
            throw new ShapeException("index of rank " + index.length + " into " + shape);
        }
        long offset = 0;
        for (int axis = 0; axis < index.length; axis++) {
            if (index[axis] < 0 || index[axis] >= shape.dim(axis)) {
                throw new ShapeException("index " + index[axis] + " on axis " + axis + " of " + shape);
            }
            offset = offset * shape.dim(axis) + index[axis];
        }
        return offset;
    }

    /** Type, shape, mean, standard deviation and number of NaN, for debugging: reads the whole tensor. */
    public String summary() {
        double sum = 0;
        double squares = 0;
        long nan = 0;
        for (long i = 0; i < numel(); i++) {
            float value = getFlat(i);
            if (Float.isNaN(value)) {
                nan++;
            } else {
                sum += value;
                squares += (double) value * value;
            }
        }
        long count = Math.max(1, numel() - nan);
        double mean = sum / count;
        return String.format(Locale.ROOT, "%s mean %.4g std %.4g nan %d", this, mean,
                Math.sqrt(Math.max(0, squares / count - mean * mean)), nan);
    }

    /** For example {@code f32 (2, 1024, 768)}. */
    @Override
    public String toString() {
        return dtype.name().toLowerCase(Locale.ROOT) + " " + shape;
    }
}
