package dev.smallbatch.tck;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.spi.UpdateKernels.Lines;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** Calls of the kernels that normalize rows and columns, and what comes out by their formulas, in double. */
final class BalanceCases {
    private static final float FLOOR = 1e-8f;
    private static final double C_BALANCE = 6;

    private BalanceCases() {}

    /**
     * Adds every call for a matrix of (down, across, rows, cols) blocks.
     *
     * @param s scalars of a step
     */
    static void add(List<OpCase> cases, float[] s, long... blocks) {
        long[] dims = UpdateCases.matrix(blocks);
        float[] x = Data.normal(blocks[3], dims[0] * dims[1]);
        for (Lines lines : Lines.values()) {
            cases.add(balance("", x, lines, blocks));
            cases.add(balance("small ", scaled(x, 1e-12f), lines, blocks));
            cases.add(balance("dead lines ", dead(x, dims), lines, blocks));
        }
        cases.add(balance("zeros ", new float[x.length], Lines.ROWS_THEN_COLUMNS, blocks));
        cases.add(step(new UpdateCases.Weight(DType.F32, Rounding.NEAREST_EVEN), s, blocks));
        for (Rounding rounding : Rounding.values()) {
            cases.add(step(new UpdateCases.Weight(DType.BF16, rounding), UpdateSlots.at(0x7_0000_0002L, s), blocks));
        }
    }

    private static float[] scaled(float[] x, float factor) {
        float[] scaled = x.clone();
        for (int i = 0; i < x.length; i++) {
            scaled[i] *= factor;
        }
        return scaled;
    }

    /** The first row and the last column are zero. */
    private static float[] dead(float[] x, long... dims) {
        float[] dead = x.clone();
        int cols = (int) dims[1];
        for (int i = 0; i < dead.length; i++) {
            dead[i] = i < cols || i % cols == cols - 1 ? 0 : dead[i];
        }
        return dead;
    }

    /** Positive numbers. */
    private static float[] factors(String label, long... dims) {
        float[] factors = UpdateCases.squares(label, dims);
        for (int i = 0; i < factors.length; i++) {
            factors[i] += 0.5f;
        }
        return factors;
    }

    private static OpCase balance(String label, float[] x, Lines lines, long... blocks) {
        long[] dims = UpdateCases.matrix(blocks);
        float[] r = factors("r", dims[0], blocks[1]);
        float[] c = factors("c", blocks[0], dims[1]);
        OpCase o = OpCase.of("balance", label + lines + " " + Shape.of(blocks));
        o = lines == Lines.COLUMNS ? o.read("r", r, dims[0], blocks[1]) : o.accumulated("r", r, dims[0], blocks[1]);
        o = lines == Lines.ROWS ? o.read("c", c, blocks[0], dims[1]) : o.accumulated("c", c, blocks[0], dims[1]);
        return o.read("x", x, dims).call((k, t) -> k.update().balance(t[0], t[1], t[2], lines, FLOOR))
                .expect(call -> new Matrix(call).balanced(lines));
    }

    private static OpCase step(UpdateCases.Weight weight, float[] s, long... blocks) {
        long[] dims = UpdateCases.matrix(blocks);
        return OpCase.of("balancedStep", Shape.of(blocks).toString() + weight).accumulated("p", dims).weight(weight.dtype())
                .read("r", factors("r", dims[0], blocks[1]), dims[0], blocks[1])
                .read("c", factors("c", blocks[0], dims[1]), blocks[0], dims[1]).read("x", dims).read("s", s, s.length)
                .call((k, t) -> k.update().balancedStep(t[0], t[1], t[2], t[3], t[4], weight.rounding(), UpdateCases.KEY))
                .expect(call -> weight.expected(call, List.of(new Matrix(call).step(call))));
    }

    /** A matrix with its factors, all of them multiplied. */
    private static final class Matrix {
        private final double[] r;
        private final double[] c;
        private final double[] x;
        private final int rows;
        private final int cols;
        private final int width;

        Matrix(OpCase o) {
            r = o.get("r");
            c = o.get("c");
            x = o.get("x");
            Shape shape = o.args().get(o.index("x")).shape();
            width = (int) shape.cols();
            rows = (int) (shape.rows() / o.args().get(o.index("c")).shape().rows());
            cols = (int) (width / o.args().get(o.index("r")).shape().cols());
        }

        private int row(int i) {
            return i / cols;
        }

        private int column(int i) {
            return i / width / rows * width + i % width;
        }

        private double[] product() {
            double[] product = new double[x.length];
            for (int i = 0; i < x.length; i++) {
                product[i] = r[row(i)] * x[i] * c[column(i)];
            }
            return product;
        }

        List<Expected> balanced(Lines lines) {
            List<Expected> outputs = new ArrayList<>();
            if (lines != Lines.COLUMNS) {
                outputs.add(divided(r, this::row, cols));
            }
            if (lines != Lines.ROWS) {
                outputs.add(divided(c, this::column, rows));
            }
            return outputs;
        }

        private Expected divided(double[] factors, IntUnaryOperator line, int length) {
            double[] product = product();
            double[] sums = new double[factors.length];
            for (int i = 0; i < product.length; i++) {
                sums[line.applyAsInt(i)] += product[i] * product[i];
            }
            for (int i = 0; i < factors.length; i++) {
                factors[i] /= sums[i] == 0 ? 1 : Math.max(Math.sqrt(sums[i] / length), FLOOR);
            }
            return Expected.within(C_BALANCE, rows + cols, factors.clone(), factors);
        }

        Expected step(OpCase o) {
            double[] u = product();
            return UpdateOracle.parameter(o, o.get("s")[UpdateKernels.LEARNING_RATE], u, u, 1);
        }
    }
}
