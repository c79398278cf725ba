package dev.smallbatch.core.tensor;

/** Element type of a tensor. Arithmetic is always {@link #F32}; {@link #BF16} and {@link #F16} are storage formats. */
public enum DType {
    /** IEEE 754 binary32. */
    F32(4),
    /** The upper 16 bits of a binary32. */
    BF16(2),
    /** IEEE 754 binary16. */
    F16(2),
    /** Signed 32-bit integer: token ids and targets. */
    I32(4),
    /** Unsigned 8-bit integer: codes of quantized numbers. */
    U8(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Size of one element in bytes. */
    public int bytes() {
        return bytes;
    }
}
