package dev.smallbatch.core.tensor;

/** Shapes, element types or tensors that do not fit together; the message names the operation and both values. */
public final class ShapeException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public ShapeException(String message) {
        super(message);
    }
}
