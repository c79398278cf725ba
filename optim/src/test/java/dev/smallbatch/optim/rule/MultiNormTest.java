package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Gradients with several of their norms prescribed: by hand, and what must be true of them. */
@ExtendWith(LeakCheck.class)
class MultiNormTest {
    private static final Constant ONE = new Constant(1);
    private static final Shape TWO = Shape.of(2, 2);
    private static final float[] TRIANGLE = {3, 4, 0, 2};
    private static final Projection ROWS = new Projection.Rows(false);
    private static final Projection CENTERED = new Projection.Rows(true);
    private static final Projection COLUMNS = new Projection.Columns();
    private static final Projection FROBENIUS = new Projection.Frobenius();
    private static final Projection SIGN = new Projection.Sign();
    private static final Projection SPECTRAL = new Projection.Spectral(0.5, 30);
    private static final List<MultiNorm> KINDS = List.of(of(ROWS), of(CENTERED), of(COLUMNS), of(FROBENIUS), of(SIGN),
            of(SPECTRAL), MultiNorm.sinkGd(ONE, 5, 0), MultiNorm.swan(ONE, true, 0.8, 10, 0),
            new MultiNorm(ONE, List.of(COLUMNS, CENTERED, SPECTRAL, ROWS, FROBENIUS), 2, null, 0),
            new MultiNorm(ONE, List.of(SIGN, COLUMNS), 3, null, 0));

    private static MultiNorm of(Projection... projections) {
        return new MultiNorm(ONE, List.of(projections), 1, null, 0);
    }

    /** What the rule subtracts from zeros. */
    private static float[] of(UpdateRule rule, Shape shape, Shape block, float... gradient) {
        float[] minus = gradient.clone();
        for (int i = 0; i < minus.length; i++) {
            minus[i] = -minus[i];
        }
        try (Workbench bench = new Workbench("vector", 1)) {
            SingleParameter p = new SingleParameter(bench, rule,
                    new Parameter("p", bench.tensor(shape, new float[gradient.length]), Role.MATRIX, block));
            p.update(bench.tensor(shape, minus));
            return p.values();
        }
    }

    private static float[] of(UpdateRule rule, Shape shape, float... gradient) {
        return of(rule, shape, shape, gradient);
    }

    private static float[] normal(long seed, Shape shape) {
        float[] values = new float[(int) shape.numel()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) RandomKey.of(seed).normal(i);
        }
        return values;
    }

    @Test
    void rowsByHand() {
        assertArrayEquals(new float[] {0.8485281f, 1.1313708f, 0, 1.4142136f}, of(of(ROWS), TWO, TRIANGLE), 1e-6f);
    }

    @Test
    void columnsByHand() {
        assertArrayEquals(new float[] {1.4142136f, 1.2649111f, 0, 0.6324555f}, of(of(COLUMNS), TWO, TRIANGLE), 1e-6f);
    }

    @Test
    void oneRoundOfSinkGdByHand() {
        float[] expected = {1.4142136f, 0.8834522f, 0, 1.1043153f};
        assertArrayEquals(expected, of(MultiNorm.sinkGd(ONE, 1, 0), TWO, TRIANGLE), 1e-6f);
    }

    @Test
    void frobeniusAndSignByHand() {
        float root = (float) Math.sqrt(29.0 / 4);
        assertArrayEquals(new float[] {3 / root, 4 / root, 0, 2 / root}, of(of(FROBENIUS), TWO, TRIANGLE), 1e-6f);
        assertArrayEquals(new float[] {1, -1, 0, 1}, of(of(SIGN), TWO, 3, -1e-20f, 0, 2));
    }

    /** The polar factor, times the root of 2. */
    @Test
    void spectralByHand() {
        float root = (float) Math.sqrt(2);
        float[] expected = {0.7808688f * root, 0.6246950f * root, -0.6246950f * root, 0.7808688f * root};
        assertArrayEquals(expected, of(of(SPECTRAL), TWO, TRIANGLE), 1e-6f);
    }

    @Test
    void gradNormAndSwanByHand() {
        Shape shape = Shape.of(2, 3);
        float[] gradient = {1, 2, 6, 4, 4, 1};
        float[] normalized = {-0.9258201f, -0.46291f, 1.3887301f, 0.7071068f, 0.7071068f, -1.4142136f};
        assertArrayEquals(normalized, of(of(CENTERED), shape, gradient), 1e-6f);
        float[] whitened = {-1.3946007f, 0.4940355f, 0.9005652f, -0.2347101f, 1.3251147f, -1.0904046f};
        assertArrayEquals(whitened, of(MultiNorm.swan(ONE, true, 0.5, 30, 0), shape, gradient), 2e-6f);
    }

    @Test
    void aVectorIsItsSigns() {
        float[] gradient = {3, -0.1f, 7, -2, 5};
        float[] signs = {1, -1, 1, -1, 1};
        assertArrayEquals(signs, of(MultiNorm.sinkGd(ONE, 1, 0), Shape.of(5, 1), gradient), 1e-6f);
        assertArrayEquals(signs, of(of(ROWS, COLUMNS, SIGN), Shape.of(1, 5), gradient), 1e-6f);
    }

    @Test
    void theSizeOfTheGradientMeansNothing() {
        Shape shape = Shape.of(13, 21);
        float[] gradient = normal(1, shape);
        for (float size : new float[] {1e-4f, 3, 1e4f}) {
            float[] scaled = gradient.clone();
            for (int i = 0; i < scaled.length; i++) {
                scaled[i] *= size;
            }
            for (MultiNorm rule : KINDS) {
                assertArrayEquals(of(rule, shape, gradient), of(rule, shape, scaled), 2e-4f, size + " times, " + rule);
            }
        }
    }

    @Test
    void theSizesOfRowsMeanNothingToSwanNorAfterManyRoundsToSinkGd() {
        Shape shape = Shape.of(6, 9);
        float[] gradient = normal(2, shape);
        float[] scaled = gradient.clone();
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] *= 1 + i / 9 * 10;
        }
        for (MultiNorm rule : List.of(MultiNorm.swan(ONE, true, 0.5, 30, 0), MultiNorm.sinkGd(ONE, 100, 0))) {
            assertArrayEquals(of(rule, shape, gradient), of(rule, shape, scaled), 1e-5f, rule.toString());
        }
    }

    @Test
    void theRootMeanSquareIsOne() {
        Shape shape = Shape.of(31, 18);
        for (MultiNorm rule : KINDS) {
            double squares = 0;
            for (float value : of(rule, shape, normal(3, shape))) {
                squares += (double) value * value;
            }
            assertEquals(1, Math.sqrt(squares / shape.numel()), 1e-5, rule.toString());
        }
    }

    @Test
    void deadRowsAndColumnsStayZeroAndZerosAreNotANumberOfAnything() {
        Shape shape = Shape.of(7, 5);
        float[] gradient = normal(4, shape);
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] = i / 5 == 3 || i % 5 == 2 ? 0 : gradient[i];
        }
        for (MultiNorm rule : List.of(of(ROWS), of(COLUMNS), of(FROBENIUS), of(SIGN), of(SPECTRAL), MultiNorm.sinkGd(ONE, 50, 0),
                MultiNorm.swan(ONE, false, 0.8, 10, 0))) {
            float[] x = of(rule, shape, gradient);
            for (int i = 0; i < x.length; i++) {
                assertEquals(gradient[i] == 0, x[i] == 0, rule + " element " + i + " is " + x[i]);
            }
        }
        for (MultiNorm rule : KINDS) {
            assertArrayEquals(new float[35], of(rule, shape, new float[35]), rule.toString());
        }
    }

    @Test
    void whatSinkGdEndsAtItDoesNotChange() {
        Shape shape = Shape.of(8, 11);
        float[] end = of(MultiNorm.sinkGd(ONE, 200, 0), shape, normal(5, shape));
        assertArrayEquals(end, of(MultiNorm.sinkGd(ONE, 1, 0), shape, end), 1e-6f);
    }

    /** Two below and three beside each other, each as if it were alone. */
    @Test
    void everyBlockIsAMatrixOfItsOwn() {
        Shape shape = Shape.of(6, 12);
        Shape block = Shape.of(3, 4);
        float[] gradient = normal(6, shape);
        for (MultiNorm rule : KINDS) {
            float[] together = of(rule, shape, block, gradient);
            for (int at = 0; at < 6; at++) {
                int first = at / 3 * 3 * 12 + at % 3 * 4;
                float[] alone = of(rule, block, part(gradient, first));
                assertArrayEquals(alone, part(together, first), 1e-6f, rule + " block " + at);
            }
        }
    }

    private static float[] part(float[] matrix, int first) {
        float[] part = new float[12];
        for (int i = 0; i < part.length; i++) {
            part[i] = matrix[first + i / 4 * 12 + i % 4];
        }
        return part;
    }

    @Test
    void impossibleSettingsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new MultiNorm(ONE, List.of(), 1, null, 0));
        assertThrows(IllegalArgumentException.class, () -> MultiNorm.sinkGd(ONE, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> MultiNorm.sinkGd(ONE, 1, -1));
        assertThrows(IllegalArgumentException.class, () -> MultiNorm.swan(ONE, true, 1.1, 10, 0));
        assertThrows(IllegalArgumentException.class, () -> MultiNorm.swan(ONE, true, 0.5, 0, 0));
    }

    @Test
    void vectorsAreRefused() {
        try (Workbench bench = new Workbench()) {
            Parameter bias = new Parameter("bias", bench.vector(1, 2), Role.VECTOR);
            String message = assertThrows(IllegalArgumentException.class,
                    () -> MultiNorm.sinkGd(ONE, 5, 0).init(bias, bench.region())).getMessage();
            assertEquals("multi-norm: bias f32 (2) is no matrix; put it into a group with another rule", message);
        }
    }
}
