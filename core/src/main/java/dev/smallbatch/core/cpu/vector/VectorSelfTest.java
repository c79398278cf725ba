package dev.smallbatch.core.cpu.vector;

/** A tiny product by vectors, compared with plain loops: does the Vector API compute here at all? */
final class VectorSelfTest {
    private VectorSelfTest() {}

    /** Null if the result is right, else what went wrong. */
    static String failure() {
        int depth = 5;
        float[] a = new float[depth * GemmTile.ROWS];
        float[] b = new float[depth * GemmTile.COLS];
        float[] c = new float[GemmTile.ROWS * GemmTile.COLS];
        for (int i = 0; i < a.length; i++) {
            a[i] = i % 7 - 3;
        }
        for (int i = 0; i < b.length; i++) {
            b[i] = i % 5 - 2;
        }
        GemmTile.run(depth, a, 0, b, 0, c, 0);
        for (int r = 0; r < GemmTile.ROWS; r++) {
            for (int j = 0; j < GemmTile.COLS; j++) {
                float expected = 0;
                for (int k = 0; k < depth; k++) {
                    expected += a[k * GemmTile.ROWS + r] * b[k * GemmTile.COLS + j];
                }
                if (c[r * GemmTile.COLS + j] != expected) {
                    return "a test product gave " + c[r * GemmTile.COLS + j] + " in place of " + expected;
                }
            }
        }
        return null;
    }

    /** For example {@code 16 x f32, fma}. */
    static String width() {
        return Lanes.COUNT + " x f32, fma";
    }
}
