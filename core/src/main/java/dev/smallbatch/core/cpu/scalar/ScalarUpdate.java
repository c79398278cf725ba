package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.StepNumber;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.util.function.DoubleUnaryOperator;
import java.util.function.LongToDoubleFunction;

/** Optimizer updates. Tasks are runs of elements, or of rows, columns or blocks where something is summed over them. */
final class ScalarUpdate implements UpdateKernels {
    /** Elements of one partial sum. */
    private static final long TILE = 4096;

    private final Parallel parallel;

    ScalarUpdate(Parallel parallel) {
        this.parallel = parallel;
    }

    /** u = stepKeep m + stepTake h, m = keep m + take h (without moment u = h), p = p - decay p - learningRate u. */
    @Override
    public void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {
        momentumStep(p, m, g, s, rounding, key, u -> u);
    }

    /** As sgdStep by the sign of u. */
    @Override
    public void signStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {
        momentumStep(p, m, g, s, rounding, key, Math::signum);
    }

    private void momentumStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key,
            DoubleUnaryOperator direction) {
        step(p, s, rounding, key, new Slots(s).learningRate,
                momentum(m == null ? null : new Floats(m), new Floats(g), s, direction));
    }

    /** The step of element i, whose moment it moves; so in all that follow. */
    static LongToDoubleFunction momentum(Floats ms, Floats gs, Tensor s, DoubleUnaryOperator direction) {
        Slots slots = new Slots(s);
        return i -> {
            double h = slots.scale * gs.get(i);
            return direction.applyAsDouble(ms == null ? h : moved(ms, i, h, slots));
        };
    }

    /** Moves the moment of one element and returns its step. */
    private static double moved(Floats m, long i, double h, Slots slots) {
        double old = m.get(i);
        m.set(i, slots.keep * old + slots.take * h);
        return slots.stepKeep * old + slots.stepTake * h;
    }

    /** v = keep v + take h^2, p = p - decay p - learningRate h / (sqrt(v) + epsilon). */
    @Override
    public void rootStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        step(p, s, rounding, key, new Slots(s).learningRate, root(new Floats(v), new Floats(g), s));
    }

    static LongToDoubleFunction root(Floats vs, Floats gs, Tensor s) {
        Slots slots = new Slots(s);
        double epsilon = new Floats(s).get(ROOT_EPSILON);
        return i -> {
            double h = slots.scale * gs.get(i);
            double square = slots.keep * vs.get(i) + slots.take * h * h;
            vs.set(i, square);
            return h / (Math.sqrt(square) + epsilon);
        };
    }

    /**
     * m = beta1 m + (1 - beta1) h, v = beta2 v + (1 - beta2) (h - centred m)^2 + squareEpsilon,
     * p = p - decay p - learningRate (m correction1 + h gradientShare) / (sqrt(v) correction2Root + epsilon).
     */
    @Override
    public void adamWStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        step(p, s, rounding, key, new Floats(s).get(LEARNING_RATE), adamW(new Floats(m), new Floats(v), new Floats(g), s));
    }

    static LongToDoubleFunction adamW(Floats ms, Floats vs, Floats gs, Tensor s) {
        Floats scalars = new Floats(s);
        double scale = scalars.get(GRADIENT_SCALE);
        double beta1 = scalars.get(BETA1);
        double oneMinusBeta1 = scalars.get(ONE_MINUS_BETA1);
        double beta2 = scalars.get(BETA2);
        double oneMinusBeta2 = scalars.get(ONE_MINUS_BETA2);
        double correction1 = scalars.get(CORRECTION1);
        double correction2Root = scalars.get(CORRECTION2_ROOT);
        double epsilon = scalars.get(EPSILON);
        double gradientShare = scalars.get(GRADIENT_SHARE);
        double centred = scalars.get(CENTRED);
        double squareEpsilon = scalars.get(SQUARE_EPSILON);
        return i -> {
            double h = scale * gs.get(i);
            double first = beta1 * ms.get(i) + oneMinusBeta1 * h;
            double distance = h - centred * first;
            double second = beta2 * vs.get(i) + oneMinusBeta2 * distance * distance + squareEpsilon;
            ms.set(i, first);
            vs.set(i, second);
            return (first * correction1 + h * gradientShare) / (Math.sqrt(second) * correction2Root + epsilon);
        };
    }

    /**
     * v = secondKeep v + secondTake h^2, w = learningRate h / (sqrt(v) secondRoot + secondEpsilon) + decay p,
     * p = p + stepKeep m - stepTake w, m = keep m - take w; then p = (p - m) + m.
     */
    @Override
    public void scheduleFreeStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        Floats ps = new Floats(p, rounding, new RandomKey(key).at(StepNumber.get(s)).bits());
        Floats nearest = new Floats(p);
        Floats ms = new Floats(m);
        Floats vs = v == null ? null : new Floats(v);
        Floats gs = new Floats(g);
        Floats scalars = new Floats(s);
        Slots slots = new Slots(s);
        Grid.split(parallel, p.numel(), 4, (from, to) -> {
            for (long i = from; i < to; i++) {
                double q = slots.scale * gs.get(i);
                if (vs != null) {
                    vs.set(i, scalars.get(SECOND_KEEP) * vs.get(i) + scalars.get(SECOND_TAKE) * q * q);
                    q /= Math.sqrt(vs.get(i)) * scalars.get(SECOND_ROOT) + scalars.get(SECOND_EPSILON);
                }
                double w = slots.learningRate * q + scalars.get(DECAY) * ps.get(i);
                ps.set(i, ps.get(i) + slots.stepKeep * ms.get(i) - slots.stepTake * w);
                ms.set(i, slots.keep * ms.get(i) - slots.take * w);
                nearest.add(i, -ms.get(i));
                nearest.add(i, ms.get(i));
            }
        });
    }

    /**
     * u = (stepKeep m + stepTake h) / max(gamma c, epsilon), clipped to [-1, 1], m = keep m + take h, p = p - decay p -
     * learningRate u.
     */
    @Override
    public void sophiaStep(Tensor p, Tensor m, Tensor c, Tensor g, Tensor s, Rounding rounding, long key) {
        Floats ms = new Floats(m);
        Floats cs = new Floats(c);
        Floats gs = new Floats(g);
        Slots slots = new Slots(s);
        double gamma = new Floats(s).get(GAMMA);
        double epsilon = new Floats(s).get(SOPHIA_EPSILON);
        step(p, s, rounding, key, slots.learningRate, i -> {
            double u = moved(ms, i, slots.scale * gs.get(i), slots) / Math.max(gamma * cs.get(i), epsilon);
            return Math.max(-1, Math.min(1, u));
        });
    }

    /** v = keep v + take (h^2 + added), u = h / max(sqrt(v), least), then as adafactor. */
    @Override
    public void adafactorStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        Floats vs = new Floats(v);
        Floats gs = new Floats(g);
        Slots slots = new Slots(s);
        double added = new Floats(s).get(SQUARE_ADDED);
        double least = new Floats(s).get(LEAST_ROOT);
        Grid.split(parallel, p.numel(), 1, (from, to) -> {
            for (long i = from; i < to; i++) {
                double h = slots.scale * gs.get(i);
                vs.set(i, slots.keep * vs.get(i) + slots.take * (h * h + added));
            }
        });
        adafactor(p, s, rounding, key, i -> slots.scale * gs.get(i) / Math.max(Math.sqrt(vs.get(i)), least));
    }

    /**
     * Of every block r = keep r + take rowMeans(S), c = keep c + take columnMeans(S), S = h^2 + added,
     * u[x, y] = h[x, y] / max(sqrt(r[x] / max(mean(r), least)) sqrt(c[y]), least), then as adafactor.
     */
    @Override
    public void factoredAdafactorStep(Tensor p, Tensor r, Tensor c, Tensor g, Tensor s, Rounding rounding, long key) {
        Floats gs = new Floats(g);
        Floats rs = new Floats(r);
        Floats cs = new Floats(c);
        Slots slots = new Slots(s);
        double added = new Floats(s).get(SQUARE_ADDED);
        double least = new Floats(s).get(LEAST_ROOT);
        long R = p.shape().rows();
        long C = p.shape().cols();
        long J = r.shape().cols();
        long I = c.shape().rows();
        long rows = R / I;
        long cols = C / J;
        Grid.split(parallel, R * J, cols, (from, to) -> {
            for (long i = from; i < to; i++) {
                double sum = squares(gs, slots.scale, i * cols, 1, cols);
                rs.set(i, slots.keep * rs.get(i) + slots.take * (sum / cols + added));
            }
        });
        Grid.split(parallel, I * C, rows, (from, to) -> {
            for (long i = from; i < to; i++) {
                double sum = squares(gs, slots.scale, i / C * rows * C + i % C, C, rows);
                cs.set(i, slots.keep * cs.get(i) + slots.take * (sum / rows + added));
            }
        });
        double[] means = new double[Math.toIntExact(I * J)];
        Grid.split(parallel, means.length, rows, (from, to) -> {
            for (int block = (int) from; block < to; block++) {
                for (long row = block / J * rows; row < (block / J + 1) * rows; row++) {
                    means[block] += rs.get(row * J + block % J) / rows;
                }
            }
        });
        adafactor(p, s, rounding, key, i -> {
            long row = i / C;
            long blockCol = i % C / cols;
            double mean = Math.max(means[(int) (row / rows * J + blockCol)], least);
            double root = Math.sqrt(rs.get(row * J + blockCol) / mean) * Math.sqrt(cs.get(row / rows * C + i % C));
            return slots.scale * gs.get(i) / Math.max(root, least);
        });
    }

    private static double squares(Floats g, double scale, long from, long stride, long count) {
        double sum = 0;
        for (long i = 0; i < count; i++) {
            double h = scale * g.get(from + i * stride);
            sum += h * h;
        }
        return sum;
    }

    /** p = p - decay p - learningRate max(rms(p), smallest) u / max(1, rms(u) / largest). */
    private void adafactor(Tensor p, Tensor s, Rounding rounding, long key, LongToDoubleFunction u) {
        Floats ps = new Floats(p);
        double sizeOfP = Math.sqrt(sumOfSquares(p.numel(), ps::get) / p.numel());
        double sizeOfU = Math.sqrt(sumOfSquares(p.numel(), u) / p.numel());
        Floats slots = new Floats(s);
        double rate = slots.get(LEARNING_RATE) * Math.max(sizeOfP, slots.get(SMALLEST_SCALE))
                / Math.max(1, sizeOfU / slots.get(LARGEST_STEP));
        step(p, s, rounding, key, rate, u);
    }

    /** u = stepKeep m + stepTake h, m = keep m + take h; x is u block by block, each over its norm + epsilon. */
    @Override
    public void muonMoment(Tensor m, Tensor x, Tensor g, Tensor s) {
        Floats ms = new Floats(m);
        Floats xs = new Floats(x);
        Floats gs = new Floats(g);
        Slots slots = new Slots(s);
        long rows = x.shape().dim(2);
        long cols = x.shape().dim(3);
        long blocks = x.shape().dim(0) * x.shape().dim(1);
        Grid.split(parallel, blocks, rows * cols, (from, to) -> {
            for (long block = from; block < to; block++) {
                double sum = 0;
                for (long at = block * rows * cols; at < (block + 1) * rows * cols; at++) {
                    long i = inMatrix(at, x);
                    double u = moved(ms, i, slots.scale * gs.get(i), slots);
                    xs.set(at, u);
                    sum += u * u;
                }
                double norm = Math.sqrt(sum) + NORM_EPSILON;
                for (long at = block * rows * cols; at < (block + 1) * rows * cols; at++) {
                    xs.set(at, xs.get(at) / norm);
                }
            }
        });
    }

    /** p = p - decay p - learningRate factor x. */
    @Override
    public void muonStep(Tensor p, Tensor x, Tensor s, float factor, Rounding rounding, long key) {
        Floats xs = new Floats(x);
        long C = p.shape().cols();
        long rows = x.shape().dim(2);
        long cols = x.shape().dim(3);
        step(p, s, rounding, key, new Slots(s).learningRate, i -> {
            long block = i / C / rows * x.shape().dim(1) + i % C / cols;
            return factor * xs.get((block * rows + i / C % rows) * cols + i % C % cols);
        });
    }

    /** The place in a matrix of an element of its blocks (I, J, rows, cols). */
    private static long inMatrix(long at, Tensor blocks) {
        long rows = blocks.shape().dim(2);
        long cols = blocks.shape().dim(3);
        long J = blocks.shape().dim(1);
        long block = at / (rows * cols);
        long row = block / J * rows + at / cols % rows;
        return (row * J + block % J) * cols + at % cols;
    }

    /** r = r / max(rms of the row of r x c, floor), then c = c / max(rms of the column, floor); none of zeros. */
    @Override
    public void balance(Tensor r, Tensor c, Tensor x, Lines lines, float floor) {
        LongToDoubleFunction scaled = scaled(r, c, x);
        long C = x.shape().cols();
        long rows = x.shape().rows() / c.shape().rows();
        long cols = C / r.shape().cols();
        divide(r, lines == Lines.COLUMNS ? 0 : r.numel(), cols, (row, k) -> scaled.applyAsDouble(row * cols + k), floor);
        divide(c, lines == Lines.ROWS ? 0 : c.numel(), rows,
                (column, k) -> scaled.applyAsDouble((column / C * rows + k) * C + column % C), floor);
    }

    /** Element k of a line. */
    private interface Line {
        double get(long line, long k);
    }

    private void divide(Tensor factors, long lines, long length, Line line, float floor) {
        Floats fs = new Floats(factors);
        Grid.split(parallel, lines, length, (from, to) -> {
            for (long i = from; i < to; i++) {
                double sum = 0;
                for (long k = 0; k < length; k++) {
                    sum += line.get(i, k) * line.get(i, k);
                }
                if (sum != 0) {
                    fs.set(i, fs.get(i) / Math.max(Math.sqrt(sum / length), floor));
                }
            }
        });
    }

    /** r x c of an element of a matrix in blocks. */
    private static LongToDoubleFunction scaled(Tensor r, Tensor c, Tensor x) {
        Floats rs = new Floats(r);
        Floats cs = new Floats(c);
        Floats xs = new Floats(x);
        long C = x.shape().cols();
        long rows = x.shape().rows() / c.shape().rows();
        long cols = C / r.shape().cols();
        return i -> rs.get(i / cols) * xs.get(i) * cs.get(i / C / rows * C + i % C);
    }

    /** p = p - decay p - learningRate r x c. */
    @Override
    public void balancedStep(Tensor p, Tensor r, Tensor c, Tensor x, Tensor s, Rounding rounding, long key) {
        step(p, s, rounding, key, new Slots(s).learningRate, scaled(r, c, x));
    }

    /** p = p - decay p - rate u. */
    private void step(Tensor p, Tensor s, Rounding rounding, long key, double rate, LongToDoubleFunction u) {
        Floats ps = new Floats(p, rounding, new RandomKey(key).at(StepNumber.get(s)).bits());
        double decay = new Floats(s).get(DECAY);
        Grid.split(parallel, p.numel(), 4, (from, to) -> {
            for (long i = from; i < to; i++) {
                ps.set(i, ps.get(i) - decay * ps.get(i) - rate * u.applyAsDouble(i));
            }
        });
    }

    /** Tile by tile. */
    private double sumOfSquares(long count, LongToDoubleFunction x) {
        double[] sums = new double[Math.toIntExact(Math.ceilDiv(count, TILE))];
        Grid.split(parallel, sums.length, TILE, (from, to) -> {
            for (int tile = (int) from; tile < to; tile++) {
                for (long i = tile * TILE; i < Math.min(count, (tile + 1) * TILE); i++) {
                    sums[tile] += x.applyAsDouble(i) * x.applyAsDouble(i);
                }
            }
        });
        double sum = 0;
        for (double partial : sums) {
            sum += partial;
        }
        return sum;
    }

    /** The slots that rules but AdamW have in common; a slot beyond the end of s is 0. */
    private static final class Slots {
        private final double learningRate;
        private final double scale;
        private final double keep;
        private final double take;
        private final double stepKeep;
        private final double stepTake;

        Slots(Tensor s) {
            Floats slots = new Floats(s);
            learningRate = slots.get(LEARNING_RATE);
            scale = slots.get(GRADIENT_SCALE);
            keep = slots.get(KEEP);
            take = slots.get(TAKE);
            stepKeep = s.numel() > STEP_KEEP ? slots.get(STEP_KEEP) : 0;
            stepTake = s.numel() > STEP_TAKE ? slots.get(STEP_TAKE) : 0;
        }
    }
}
