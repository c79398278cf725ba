package dev.smallbatch.tck;

import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.DType;
import java.util.ArrayList;
import java.util.List;

/** Optimizer updates by their formulas, in double. Outputs in the order of the kernels' arguments, the parameter first. */
final class UpdateOracle {
    private static final double C_UPDATE = 6;

    private UpdateOracle() {}

    private static double slot(OpCase o, int slot) {
        return o.get("s")[slot];
    }

    private static double[] h(OpCase o) {
        return ReferenceTransforms.scaled(o.get("g"), slot(o, UpdateKernels.GRADIENT_SCALE));
    }

    /**
     * {@code p - decay p - rate u}.
     *
     * @param size of what u is a sum of
     * @param terms roundings of u
     */
    static Expected parameter(OpCase o, double rate, double[] u, double[] size, double terms) {
        double decay = slot(o, UpdateKernels.DECAY);
        double[] p = o.get("p");
        double[] scale = new double[p.length];
        for (int i = 0; i < p.length; i++) {
            scale[i] = Math.abs(p[i]) * (1 + decay) + Math.abs(rate * size[i]);
            p[i] = p[i] - decay * p[i] - rate * u[i];
        }
        return Expected.within(C_UPDATE, terms, p, scale);
    }

    /** {@code a x + b y}, with the size of the two as scale. */
    private static Expected sum(double a, double[] x, double b, double[] y) {
        double[] value = new double[y.length];
        double[] scale = new double[y.length];
        for (int i = 0; i < y.length; i++) {
            value[i] = a * x[i] + b * y[i];
            scale[i] = Math.abs(a * x[i]) + Math.abs(b * y[i]);
        }
        return Expected.within(C_UPDATE, 1, value, scale);
    }

    static List<Expected> momentum(OpCase o, boolean sign) {
        double[] h = h(o);
        double[] m = o.get("m");
        double[] none = new double[h.length];
        Expected u = m == null ? sum(0, none, 1, h) : sum(slot(o, UpdateKernels.STEP_KEEP), m, slot(o, UpdateKernels.STEP_TAKE), h);
        double rate = slot(o, UpdateKernels.LEARNING_RATE);
        List<Expected> outputs = new ArrayList<>();
        double[] size = new double[h.length];
        for (int i = 0; i < h.length; i++) {
            boolean eitherSign = Math.abs(u.value()[i]) <= u.bound()[i] && u.bound()[i] > 0;
            if (sign) {
                u.value()[i] = Math.signum(u.value()[i]);
            }
            size[i] = !sign ? u.bound()[i] / (C_UPDATE * Expected.UNIT) : eitherSign ? 1 / Expected.UNIT : 1;
        }
        outputs.add(parameter(o, rate, u.value(), size, 1));
        if (m != null) {
            outputs.add(sum(slot(o, UpdateKernels.KEEP), m, slot(o, UpdateKernels.TAKE), h));
        }
        return outputs;
    }

    static List<Expected> root(OpCase o) {
        double[] h = h(o);
        Expected v = sum(slot(o, UpdateKernels.KEEP), o.get("v"), slot(o, UpdateKernels.TAKE), squares(h, 0));
        double epsilon = slot(o, UpdateKernels.ROOT_EPSILON);
        double[] u = new double[h.length];
        for (int i = 0; i < u.length; i++) {
            u[i] = h[i] / (Math.sqrt(v.value()[i]) + epsilon);
        }
        return List.of(parameter(o, slot(o, UpdateKernels.LEARNING_RATE), u, u, 1), v);
    }

    static List<Expected> sophia(OpCase o) {
        double[] h = h(o);
        double[] m = o.get("m");
        double[] c = o.get("c");
        Expected step = sum(slot(o, UpdateKernels.STEP_KEEP), m, slot(o, UpdateKernels.STEP_TAKE), h);
        double[] u = new double[h.length];
        double[] size = new double[h.length];
        for (int i = 0; i < u.length; i++) {
            double divisor = Math.max(slot(o, UpdateKernels.GAMMA) * c[i], slot(o, UpdateKernels.SOPHIA_EPSILON));
            u[i] = Math.max(-1, Math.min(1, step.value()[i] / divisor));
            // A sum that lost its digits before a tiny divisor is a step of either sign.
            size[i] = Math.min(1 / Expected.UNIT, Math.abs(u[i]) + step.bound()[i] / (C_UPDATE * Expected.UNIT * divisor));
        }
        return List.of(parameter(o, slot(o, UpdateKernels.LEARNING_RATE), u, size, 1),
                sum(slot(o, UpdateKernels.KEEP), m, slot(o, UpdateKernels.TAKE), h));
    }

    static List<Expected> adamW(OpCase o) {
        double[] h = h(o);
        Expected m = sum(slot(o, UpdateKernels.BETA1), o.get("m"), slot(o, UpdateKernels.ONE_MINUS_BETA1), h);
        Expected v = second(o, h, m);
        double[] u = new double[h.length];
        double[] size = new double[h.length];
        double correction = slot(o, UpdateKernels.CORRECTION1);
        double share = slot(o, UpdateKernels.GRADIENT_SHARE);
        for (int i = 0; i < u.length; i++) {
            double divisor = Math.sqrt(v.value()[i]) * slot(o, UpdateKernels.CORRECTION2_ROOT) + slot(o, UpdateKernels.EPSILON);
            u[i] = (correction * m.value()[i] + share * h[i]) / divisor;
            // A distance that is a small difference loses digits, and half of them show in the root.
            double lost = v.value()[i] > 0 && Double.isFinite(v.value()[i]) ? (size(v, i) / v.value()[i] - 1) / 2 : 0;
            size[i] = (correction * size(m, i) + Math.abs(share * h[i])) / divisor + Math.abs(u[i]) * lost;
        }
        return List.of(parameter(o, slot(o, UpdateKernels.LEARNING_RATE), u, size, 1), m, v);
    }

    /** {@code beta2 v + (1 - beta2) (h - centred m)^2 + squareEpsilon}; the distance is as exact as what it is between. */
    private static Expected second(OpCase o, double[] h, Expected m) {
        double centred = slot(o, UpdateKernels.CENTRED);
        double[] old = o.get("v");
        double[] value = new double[h.length];
        double[] scale = new double[h.length];
        for (int i = 0; i < h.length; i++) {
            double distance = h[i] - centred * m.value()[i];
            double between = Math.abs(h[i]) + centred * size(m, i);
            value[i] = slot(o, UpdateKernels.BETA2) * old[i] + slot(o, UpdateKernels.ONE_MINUS_BETA2) * distance * distance
                    + slot(o, UpdateKernels.SQUARE_EPSILON);
            scale[i] = value[i] + slot(o, UpdateKernels.ONE_MINUS_BETA2) * 2 * Math.abs(distance) * centred * between;
        }
        return Expected.within(C_UPDATE, 1, value, scale);
    }

    /** Of the terms that an expected value is the sum of. */
    private static double size(Expected sum, int i) {
        return sum.bound()[i] / (C_UPDATE * Expected.UNIT);
    }

    static List<Expected> scheduleFree(OpCase o) {
        double[] h = h(o);
        double[] p = o.get("p");
        double[] old = o.get("m");
        Expected v = o.get("v") == null ? null
                : sum(slot(o, UpdateKernels.SECOND_KEEP), o.get("v"), slot(o, UpdateKernels.SECOND_TAKE), squares(h, 0));
        double[] y = new double[h.length];
        double[] m = new double[h.length];
        double[] sizeOfY = new double[h.length];
        double[] sizeOfM = new double[h.length];
        for (int i = 0; i < h.length; i++) {
            double q = v == null ? h[i]
                    : h[i] / (Math.sqrt(v.value()[i]) * slot(o, UpdateKernels.SECOND_ROOT) + slot(o, UpdateKernels.SECOND_EPSILON));
            double w = slot(o, UpdateKernels.LEARNING_RATE) * q + slot(o, UpdateKernels.DECAY) * p[i];
            double sizeOfW = Math.abs(slot(o, UpdateKernels.LEARNING_RATE) * q) + Math.abs(slot(o, UpdateKernels.DECAY) * p[i]);
            y[i] = p[i] + slot(o, UpdateKernels.STEP_KEEP) * old[i] - slot(o, UpdateKernels.STEP_TAKE) * w;
            m[i] = slot(o, UpdateKernels.KEEP) * old[i] - slot(o, UpdateKernels.TAKE) * w;
            sizeOfM[i] = Math.abs(slot(o, UpdateKernels.KEEP) * old[i]) + slot(o, UpdateKernels.TAKE) * sizeOfW;
            sizeOfY[i] = Math.abs(p[i]) + Math.abs(slot(o, UpdateKernels.STEP_KEEP) * old[i])
                    + slot(o, UpdateKernels.STEP_TAKE) * sizeOfW;
        }
        List<Expected> outputs = new ArrayList<>(List.of(Expected.within(C_UPDATE, 1, y, sizeOfY),
                Expected.within(C_UPDATE, 1, m, sizeOfM)));
        if (v != null) {
            outputs.add(v);
        }
        return outputs;
    }

    /** {@code (p - m) + m} of the first two outputs: two roundings to the type of p more. */
    static List<Expected> thereAndBack(OpCase o, List<Expected> outputs) {
        double unit = o.args().get(o.index("p")).dtype() == DType.F32 ? Expected.UNIT : 0x1p-8;
        Expected p = outputs.get(0);
        double[] m = outputs.get(1).value();
        double[] value = new double[m.length];
        double[] bound = new double[m.length];
        for (int i = 0; i < m.length; i++) {
            value[i] = Double.isFinite(m[i]) ? p.value()[i] : Double.NaN;
            bound[i] = p.bound()[i] + unit * (2 * Math.abs(p.value()[i]) + Math.abs(m[i]));
        }
        List<Expected> all = new ArrayList<>(outputs);
        all.set(0, new Expected(value, bound));
        return all;
    }

    private static double[] squares(double[] h, double floor) {
        double[] squares = new double[h.length];
        for (int i = 0; i < h.length; i++) {
            squares[i] = h[i] * h[i] + floor;
        }
        return squares;
    }

    static List<Expected> adafactor(OpCase o) {
        double[] h = h(o);
        Expected v = sum(slot(o, UpdateKernels.KEEP), o.get("v"), slot(o, UpdateKernels.TAKE), squares(h, slot(o, UpdateKernels.SQUARE_ADDED)));
        double[] u = new double[h.length];
        for (int i = 0; i < u.length; i++) {
            u[i] = h[i] / Math.max(Math.sqrt(v.value()[i]), slot(o, UpdateKernels.LEAST_ROOT));
        }
        return List.of(adafactor(o, u, u.length), v);
    }

    /** @param terms of the longest sum of squares */
    private static Expected adafactor(OpCase o, double[] u, double terms) {
        double size = Math.max(rms(o.get("p")), slot(o, UpdateKernels.SMALLEST_SCALE))
                / Math.max(1, rms(u) / slot(o, UpdateKernels.LARGEST_STEP));
        return parameter(o, slot(o, UpdateKernels.LEARNING_RATE) * size, u, u, terms);
    }

    private static double rms(double[] x) {
        double sum = 0;
        for (double value : x) {
            sum += value * value;
        }
        return Math.sqrt(sum / x.length);
    }

    static List<Expected> factored(OpCase o) {
        double[] squares = squares(h(o), slot(o, UpdateKernels.SQUARE_ADDED));
        Grid grid = Grid.ofMeans(o);
        double[] rowMeans = new double[o.get("r").length];
        double[] columnMeans = new double[o.get("c").length];
        for (int i = 0; i < squares.length; i++) {
            rowMeans[grid.rowMean(i)] += squares[i] / grid.cols;
            columnMeans[grid.columnMean(i)] += squares[i] / grid.rows;
        }
        Expected r = mean(o, "r", rowMeans, grid.cols);
        Expected c = mean(o, "c", columnMeans, grid.rows);
        double[] means = new double[grid.down * grid.across];
        for (int i = 0; i < squares.length; i++) {
            means[grid.block(i)] += r.value()[grid.rowMean(i)] / (grid.rows * grid.cols);
        }
        double[] u = h(o);
        double least = slot(o, UpdateKernels.LEAST_ROOT);
        for (int i = 0; i < u.length; i++) {
            double mean = Math.max(means[grid.block(i)], least);
            u[i] /= Math.max(Math.sqrt(r.value()[grid.rowMean(i)] / mean) * Math.sqrt(c.value()[grid.columnMean(i)]), least);
        }
        return List.of(adafactor(o, u, Math.max(grid.rows, grid.cols)), r, c);
    }

    private static Expected mean(OpCase o, String name, double[] squares, int terms) {
        Expected sum = sum(slot(o, UpdateKernels.KEEP), o.get(name), slot(o, UpdateKernels.TAKE), squares);
        double[] bound = ReferenceTransforms.scaled(sum.bound(), Math.sqrt(terms));
        return new Expected(sum.value(), bound);
    }

    static List<Expected> muonMoment(OpCase o) {
        double[] h = h(o);
        double[] m = o.get("m");
        Expected u = sum(slot(o, UpdateKernels.STEP_KEEP), m, slot(o, UpdateKernels.STEP_TAKE), h);
        Grid grid = Grid.of(o);
        double[] norms = new double[grid.down * grid.across];
        for (int i = 0; i < h.length; i++) {
            norms[grid.block(i)] += u.value()[i] * u.value()[i];
        }
        double[] x = new double[h.length];
        double[] scale = new double[h.length];
        for (int i = 0; i < h.length; i++) {
            double factor = 1 / (Math.sqrt(norms[grid.block(i)]) + UpdateKernels.NORM_EPSILON);
            x[grid.inBlocks(i)] = u.value()[i] * factor;
            scale[grid.inBlocks(i)] = u.bound()[i] / (C_UPDATE * Expected.UNIT) * factor;
        }
        return List.of(sum(slot(o, UpdateKernels.KEEP), m, slot(o, UpdateKernels.TAKE), h),
                Expected.within(C_UPDATE, grid.cols, x, scale));
    }

    static List<Expected> muonStep(OpCase o, float factor) {
        Grid grid = Grid.of(o);
        double[] blocks = ReferenceTransforms.scaled(o.get("x"), factor);
        double[] u = new double[blocks.length];
        for (int i = 0; i < u.length; i++) {
            u[i] = blocks[grid.inBlocks(i)];
        }
        return List.of(parameter(o, slot(o, UpdateKernels.LEARNING_RATE), u, u, 1));
    }

    /** A matrix of blocks. */
    private record Grid(int down, int across, int rows, int cols) {
        /** Of the blocks x. */
        static Grid of(OpCase o) {
            long[] dims = o.args().get(o.index("x")).shape().dims();
            return new Grid((int) dims[0], (int) dims[1], (int) dims[2], (int) dims[3]);
        }

        /** Of the means r (R, J) and c (I, C). */
        static Grid ofMeans(OpCase o) {
            long[] r = o.args().get(o.index("r")).shape().dims();
            long[] c = o.args().get(o.index("c")).shape().dims();
            return new Grid((int) c[0], (int) r[1], (int) (r[0] / c[0]), (int) (c[1] / r[1]));
        }

        private int row(int i) {
            return i / (across * cols);
        }

        private int col(int i) {
            return i % (across * cols);
        }

        int block(int i) {
            return row(i) / rows * across + col(i) / cols;
        }

        int rowMean(int i) {
            return row(i) * across + col(i) / cols;
        }

        int columnMean(int i) {
            return row(i) / rows * across * cols + col(i);
        }

        int inBlocks(int i) {
            return (block(i) * rows + row(i) % rows) * cols + col(i) % cols;
        }
    }
}
