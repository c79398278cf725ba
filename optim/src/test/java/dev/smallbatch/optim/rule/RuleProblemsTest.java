package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.tck.LeakCheck;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every rule solves the same problems, its rates being those of {@link Rules}. */
@ExtendWith(LeakCheck.class)
class RuleProblemsTest {
    private static final Shape SHAPE = Shape.of(2, 2);
    private static final float[] START = {0.5f, -2, 1, 0.25f};
    private static final int ROWS = 12;
    private static final int COLS = 16;

    @ParameterizedTest
    @EnumSource
    void minimizesAnIllConditionedQuadratic(Rules rules) {
        float[] curvatures = {10, 3, 1, 0.3f};
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rules.with(rules.schedule(rules.lr, 400), 0),
                    bench.parameter("p", SHAPE, START));
            Tensor gradient = bench.tensor(SHAPE, new float[4]);
            double before = quadratic(curvatures, p.values(), new float[4]);
            float[] values = new float[4];
            for (int step = 0; step < 400; step++) {
                quadratic(curvatures, p.values(), values);
                gradient.copyFrom(values);
                p.update(gradient);
            }
            double after = quadratic(curvatures, p.evaluated(), values);
            assertTrue(after < before / 100, rules + ": from " + before + " to " + after);
        }
    }

    /** {@code sum of c x^2 / 2}; its gradient is written. */
    private static double quadratic(float[] curvatures, float[] x, float[] gradient) {
        double value = 0;
        for (int i = 0; i < x.length; i++) {
            gradient[i] = curvatures[i] * x[i];
            value += 0.5 * curvatures[i] * x[i] * x[i];
        }
        return value;
    }

    /** Two problems at once, one in each row; the way is a narrow bent valley from (-0.5, 1) to (1, 1). */
    @ParameterizedTest
    @EnumSource
    void goesThroughRosenbrocksValley(Rules rules) {
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rules.with(rules.schedule(rules.steep, 4000), 0),
                    bench.parameter("p", SHAPE, -0.5f, 1, 0.5f, 1));
            Tensor gradient = bench.tensor(SHAPE, new float[4]);
            float[] values = new float[4];
            double before = rosenbrock(p.values(), values);
            for (int step = 0; step < 4000; step++) {
                rosenbrock(p.values(), values);
                gradient.copyFrom(values);
                p.update(gradient);
            }
            double after = rosenbrock(p.evaluated(), values);
            assertTrue(after < before / 100, rules + ": from " + before + " to " + after);
        }
    }

    /** {@code (1 - x)^2 + 100 (y - x^2)^2} of every row, added up; the gradient is written. */
    private static double rosenbrock(float[] p, float[] gradient) {
        double sum = 0;
        for (int i = 0; i < p.length; i += 2) {
            double x = p[i];
            double up = p[i + 1] - x * x;
            gradient[i] = (float) (-2 * (1 - x) - 400 * x * up);
            gradient[i + 1] = (float) (200 * up);
            sum += (1 - x) * (1 - x) + 100 * up * up;
        }
        return sum;
    }

    @ParameterizedTest
    @EnumSource
    void learnsToSeparateTwoClassesOneExampleAtATime(Rules rules) {
        RandomKey key = RandomKey.of(5);
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rules.with(rules.schedule(rules.lr, 600), 0),
                    bench.parameter("w", SHAPE, new float[4]));
            Tensor gradient = bench.tensor(SHAPE, new float[4]);
            for (int step = 0; step < 600; step++) {
                float[] values = new float[4];
                logistic(key, step, p.values(), values);
                gradient.copyFrom(values);
                p.update(gradient);
            }
            double loss = 0;
            for (int example = 1000; example < 1200; example++) {
                loss += logistic(key, example, p.evaluated(), new float[4]) / 200;
            }
            assertTrue(loss < 0.4 * Math.log(2), rules + ", seed 5: mean loss " + loss + ", " + Math.log(2) + " before");
        }
    }

    /** Loss of one random example, labelled by a fixed plane; its gradient is written. */
    private static double logistic(RandomKey key, int example, float[] w, float[] gradient) {
        double[] plane = {2, -1, 0.5, 1};
        double[] x = new double[4];
        double side = 0;
        double score = 0;
        for (int i = 0; i < 4; i++) {
            x[i] = key.normal(4L * example + i);
            side += plane[i] * x[i];
            score += w[i] * x[i];
        }
        double sign = side > 0 ? 1 : -1;
        double slope = -sign / (1 + Math.exp(sign * score));
        for (int i = 0; i < 4; i++) {
            gradient[i] = (float) (slope * x[i]);
        }
        return Math.log1p(Math.exp(-sign * score));
    }

    /** A matrix of rank 2 with noise around it, seen through inputs of scales from 1 to a tenth. */
    @ParameterizedTest
    @EnumSource
    void fitsAMatrixOfLowRankAndNoise(Rules rules) {
        RandomKey key = RandomKey.of(3);
        float[] target = mixedRank(key);
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rules.with(rules.schedule(rules.lr, 400), 0),
                    bench.parameter("w", Shape.of(ROWS, COLS), new float[ROWS * COLS]));
            Tensor gradient = bench.tensor(Shape.of(ROWS, COLS), new float[ROWS * COLS]);
            float[] values = new float[ROWS * COLS];
            double before = leastSquares(target, p.values(), values);
            for (int step = 0; step < 400; step++) {
                leastSquares(target, p.values(), values);
                gradient.copyFrom(values);
                p.update(gradient);
            }
            double after = leastSquares(target, p.evaluated(), values);
            assertTrue(after < before / 10, rules + ", seed 3: from " + before + " to " + after);
        }
    }

    private static float[] mixedRank(RandomKey key) {
        float[] target = new float[ROWS * COLS];
        for (int row = 0; row < ROWS; row++) {
            for (int col = 0; col < COLS; col++) {
                double value = 0.05 * key.normal(1000 + row * COLS + col);
                for (int rank = 0; rank < 2; rank++) {
                    value += 0.5 / (1 + 3 * rank) * key.normal(100 + 2 * row + rank) * key.normal(200 + 2 * col + rank);
                }
                target[row * COLS + col] = (float) value;
            }
        }
        return target;
    }

    /** {@code sum of ((w - target) scale)^2 / 2}, columns having the scales of their inputs; the gradient is written. */
    private static double leastSquares(float[] target, float[] w, float[] gradient) {
        double sum = 0;
        for (int i = 0; i < w.length; i++) {
            double scale = Math.pow(10, -(i % COLS) / (COLS - 1.0));
            double error = (w[i] - target[i]) * scale;
            gradient[i] = (float) (error * scale);
            sum += 0.5 * error * error;
        }
        return sum;
    }

    @ParameterizedTest
    @EnumSource
    void gradientsThatAreZeroMoveNothingAndLeaveFiniteState(Rules rules) {
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rules.with(rules.schedule(rules.lr, 20), 0),
                    bench.parameter("p", SHAPE, START));
            for (int step = 0; step < 10; step++) {
                p.update(bench.tensor(SHAPE, new float[4]));
            }
            assertArrayEquals(START, p.values(), rules.name());
            assertArrayEquals(START, p.evaluated(), rules.name());
            p.state.tensors().forEach((name, tensor) -> {
                for (long i = 0; i < tensor.numel(); i++) {
                    assertTrue(Float.isFinite(tensor.getFlat(i)), rules + " " + name);
                }
            });
        }
    }
}
