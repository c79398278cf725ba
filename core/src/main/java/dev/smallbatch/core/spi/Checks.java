package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.Locale;

/**
 * The questions that argument checks ask, for one operation whose name starts every message. Shapes are compared as
 * kernels see them, as rows by columns, so (2, 512, 768) fits (1024, 768). Planned tensors have no memory and therefore
 * never overlap.
 */
final class Checks {
    private final String operation;

    Checks(String operation) {
        this.operation = operation;
    }

    /** An F32 tensor that must be there. */
    Operand f32(String name, Tensor tensor) {
        return typed(name, tensor, DType.F32);
    }

    /** An F32 or BF16 tensor that must be there. */
    Operand weight(String name, Tensor tensor) {
        Operand operand = anyType(name, tensor);
        if (tensor.dtype() != DType.F32 && tensor.dtype() != DType.BF16) {
            throw refusal("%s has element type %s, expected f32 or bf16", operand, lower(tensor.dtype()));
        }
        return operand;
    }

    /** An F32 or BF16 tensor, or null. */
    Operand weightOrNull(String name, Tensor tensor) {
        return tensor == null ? new Operand(name, null) : weight(name, tensor);
    }

    /** An I32 tensor that must be there. */
    Operand i32(String name, Tensor tensor) {
        return typed(name, tensor, DType.I32);
    }

    /** A U8 tensor that must be there. */
    Operand u8(String name, Tensor tensor) {
        return typed(name, tensor, DType.U8);
    }

    /** An F32 tensor or null. */
    Operand f32OrNull(String name, Tensor tensor) {
        return tensor == null ? new Operand(name, null) : f32(name, tensor);
    }

    private Operand typed(String name, Tensor tensor, DType expected) {
        Operand operand = anyType(name, tensor);
        if (tensor.dtype() != expected) {
            throw refusal("%s has element type %s, expected %s", operand, lower(tensor.dtype()), lower(expected));
        }
        return operand;
    }

    /** A tensor of any type that must be there. */
    Operand anyType(String name, Tensor tensor) {
        given(name, tensor);
        if (!tensor.isAlive()) {
            throw new IllegalStateException(operation + ": the region of " + name + " " + tensor.shape() + " is closed");
        }
        return new Operand(name, tensor);
    }

    /** An argument that must not be null. */
    void given(String name, Object value) {
        if (value == null) {
            throw new IllegalArgumentException(operation + ": " + name + " is null");
        }
    }

    void sameRows(Operand a, Operand b) {
        if (a.rows() != b.rows()) {
            throw refusal("row counts differ: %s against %s; %s has %d rows, %s has %d", a, b, a.name(), a.rows(), b.name(),
                    b.rows());
        }
    }

    void sameCols(Operand a, Operand b) {
        if (a.cols() != b.cols()) {
            throw refusal("column counts differ: %s against %s; %s has %d columns, %s has %d", a, b, a.name(), a.cols(),
                    b.name(), b.cols());
        }
    }

    /** Every other operand, where not null, is a matrix of the size of the first. */
    void sameMatrix(Operand first, Operand... others) {
        for (Operand other : others) {
            if (!other.isNull()) {
                sameRows(first, other);
                sameCols(first, other);
            }
        }
    }

    /** {@code a} is a matrix of the given size; {@code why} says where the size comes from. */
    void matrix(Operand a, long rows, long cols, Object why) {
        if (a.rows() != rows || a.cols() != cols) {
            throw refusal("%s is a %d by %d matrix, expected %d by %d for %s", a, a.rows(), a.cols(), rows, cols, why);
        }
    }

    /** {@code a}, where not null, holds one value for each row of {@code b}. */
    void onePerRow(Operand a, Operand b) {
        if (!a.isNull() && a.tensor().numel() != b.rows()) {
            throw refusal("%s holds %d values, expected %d, one for each row of %s", a, a.tensor().numel(), b.rows(), b);
        }
    }

    /** {@code a}, where not null, holds one value for each column of {@code b}. */
    void onePerCol(Operand a, Operand b) {
        if (!a.isNull() && a.tensor().numel() != b.cols()) {
            throw refusal("%s holds %d values, expected %d, one for each column of %s", a, a.tensor().numel(), b.cols(), b);
        }
    }

    /** {@code a} holds {@code count} values. */
    void count(Operand a, long count) {
        if (a.tensor().numel() != count) {
            throw refusal("%s holds %d values, expected %d", a, a.tensor().numel(), count);
        }
    }

    /** Both operands are null or neither is. */
    void bothOrNeither(Operand a, Operand b) {
        if (a.isNull() != b.isNull()) {
            throw refusal("%s with %s; give both or neither", a, b);
        }
    }

    /** The first {@code outputs} operands share no memory with each other or with the rest; null ones are skipped. */
    void apart(int outputs, Operand... operands) {
        for (int i = 0; i < outputs; i++) {
            for (int j = i + 1; j < operands.length; j++) {
                if (!operands[i].isNull() && !operands[j].isNull() && operands[i].tensor().overlaps(operands[j].tensor())) {
                    throw refusal("output %s overlaps %s; give it memory of its own", operands[i], operands[j]);
                }
            }
        }
    }

    /** A refusal in the words of the caller, the operation in front. */
    ShapeException refusal(String format, Object... arguments) {
        return new ShapeException(operation + ": " + String.format(Locale.ROOT, format, arguments));
    }

    private static String lower(DType dtype) {
        return dtype.name().toLowerCase(Locale.ROOT);
    }
}
