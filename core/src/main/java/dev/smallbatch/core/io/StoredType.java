package dev.smallbatch.core.io;

import dev.smallbatch.core.tensor.DType;

/** Element types the format knows, with their size, and the tensor type that holds the same bits, if there is one. */
enum StoredType {
    F32(32, DType.F32), BF16(16, DType.BF16), F16(16, DType.F16), I32(32, DType.I32), U8(8, DType.U8),
    BOOL(8, null), I8(8, null), F8_E5M2(8, null), F8_E4M3(8, null), F8_E8M0(8, null),
    F8_E5M2FNUZ(8, null), F8_E4M3FNUZ(8, null),
    F4(4, null), F6_E2M3(6, null), F6_E3M2(6, null), I16(16, null), U16(16, null), U32(32, null),
    F64(64, null), I64(64, null), U64(64, null), C64(64, null);

    private final int bits;
    private final DType tensorType;

    StoredType(int bits, DType tensorType) {
        this.bits = bits;
        this.tensorType = tensorType;
    }

    int bits() {
        return bits;
    }

    /** Null if no tensor can hold it. */
    DType tensorType() {
        return tensorType;
    }

    /** Null if the format has no such type. */
    static StoredType named(String name) {
        for (StoredType type : values()) {
            if (type.name().equals(name)) {
                return type;
            }
        }
        return null;
    }

    static StoredType of(DType type) {
        return valueOf(type.name());
    }
}
