package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.tck.LeakCheck;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sides up to 32 above the number of vectors are treated exactly; of longer ones a subspace is. */
@ExtendWith(LeakCheck.class)
class SingularVectorsTest {
    private static final RandomKey KEY = RandomKey.of(4);

    private static Tensor random(Workbench bench, long rows, long cols, String name) {
        Tensor x = bench.region().allocate(DType.F32, Shape.of(rows, cols));
        new Init.Normal(1).fill(x, KEY.fork(name));
        return x;
    }

    private static Tensor top(Workbench bench, Tensor g, long rank) {
        Shape shape = g.shape();
        Tensor out = bench.region().allocate(DType.F32, Shape.of(rank, Math.min(shape.rows(), shape.cols())));
        Region.Mark mark = bench.region().mark();
        Tensor scratch = bench.region().allocate(DType.F32, Shape.of(SingularVectors.scratchSize(shape, rank)));
        SingularVectors.top(out, g, KEY, scratch, bench.kernels());
        bench.region().release(mark);
        return out;
    }

    /** {@code count} orthonormal rows. */
    private static Tensor orthonormal(Workbench bench, long count, long cols, String name) {
        Tensor out = bench.region().allocate(DType.F32, Shape.of(count, cols));
        Region.Mark mark = bench.region().mark();
        Tensor vectors = top(bench, random(bench, cols, cols, name), count);
        out.segment().copyFrom(vectors.segment());
        bench.region().release(mark);
        return out;
    }

    private static Tensor product(Workbench bench, Tensor a, Transpose ta, Tensor b, Transpose tb) {
        long rows = ta == Transpose.NO ? a.shape().rows() : a.shape().cols();
        long cols = tb == Transpose.NO ? b.shape().cols() : b.shape().rows();
        Tensor out = bench.region().allocate(DType.F32, Shape.of(rows, cols));
        bench.kernels().matmul().matmul(out, a, ta, b, tb, 1, 0);
        return out;
    }

    private static void assertOrthonormal(Workbench bench, Tensor rows, double tolerance) {
        Tensor gram = product(bench, rows, Transpose.NO, rows, Transpose.YES);
        for (int i = 0; i < gram.shape().rows(); i++) {
            for (int j = 0; j < gram.shape().cols(); j++) {
                assertEquals(i == j ? 1 : 0, gram.get(i, j), tolerance, "rows " + i + " and " + j);
            }
        }
    }

    private static double squares(Workbench bench, Tensor x) {
        Tensor sum = bench.vector(0);
        bench.kernels().elementwise().sumOfSquares(sum, x);
        return sum.getFlat(0);
    }

    @ParameterizedTest
    @CsvSource({"7, 5, 5", "5, 7, 5", "1, 9, 1", "90, 40, 12", "40, 90, 12", "300, 300, 20", "260, 310, 20", "310, 260, 20",
            "257, 257, 60"})
    void theyAreOrthonormal(long rows, long cols, long rank) {
        try (Workbench bench = new Workbench("vector", 2)) {
            assertOrthonormal(bench, top(bench, random(bench, rows, cols, "g"), rank), 2e-6);
        }
    }

    /** What all of them leave of a matrix is nothing. */
    @ParameterizedTest
    @CsvSource({"7, 5", "5, 7", "64, 64", "30, 80"})
    void allOfThemReconstructTheMatrix(long rows, long cols) {
        try (Workbench bench = new Workbench("vector", 1)) {
            Tensor g = random(bench, rows, cols, "g");
            Tensor p = top(bench, g, Math.min(rows, cols));
            boolean tall = rows >= cols;
            Tensor few = tall ? product(bench, g, Transpose.NO, p, Transpose.YES)
                    : product(bench, p, Transpose.NO, g, Transpose.NO);
            Tensor back = tall ? product(bench, few, Transpose.NO, p, Transpose.NO)
                    : product(bench, p, Transpose.YES, few, Transpose.NO);
            assertArrayEquals(g.toFloatArray(), back.toFloatArray(), 5e-6f);
        }
    }

    /** A matrix of {@code rank} random directions with the singular values 1, 1/2, 1/3 ... */
    private static Tensor known(Workbench bench, Tensor left, Tensor right) {
        Tensor scaled = bench.region().allocate(DType.F32, right.shape());
        for (int i = 0; i < right.shape().rows(); i++) {
            bench.kernels().elementwise().fill(scaled.rows(i, i + 1), 0);
            bench.kernels().elementwise().axpy(scaled.rows(i, i + 1), 1f / (i + 1), right.rows(i, i + 1));
        }
        return product(bench, left, Transpose.YES, scaled, Transpose.NO);
    }

    @ParameterizedTest
    @CsvSource({"80, 60", "60, 80", "320, 270", "270, 320"})
    void aKnownSpectrumIsFound(long rows, long cols) {
        try (Workbench bench = new Workbench("vector", 2)) {
            Tensor left = orthonormal(bench, 6, rows, "left");
            Tensor right = orthonormal(bench, 6, cols, "right");
            Tensor found = top(bench, known(bench, left, right), 4);
            Tensor truth = rows >= cols ? right : left;
            for (int i = 0; i < 4; i++) {
                Tensor along = product(bench, found.rows(i, i + 1), Transpose.NO, truth.rows(i, i + 1), Transpose.YES);
                assertEquals(1, Math.abs(along.getFlat(0)), 1e-5, "seed 4, vector " + i);
            }
        }
    }

    /** Singular values 1 to 0.06 in 280 dimensions: nothing sets the best 40 apart. */
    @Test
    void subspaceIterationHoldsNearlyAsMuchAsTheBestSubspace() {
        try (Workbench bench = new Workbench("vector", 2)) {
            float[] diagonal = new float[280 * 280];
            double best = 0;
            for (int i = 0; i < 280; i++) {
                diagonal[i * 281] = (float) Math.pow(i + 1, -0.5);
                best += i < 40 ? 1.0 / (i + 1) : 0;
            }
            Tensor g = bench.tensor(Shape.of(280, 280), diagonal);
            double held = squares(bench, product(bench, g, Transpose.NO, top(bench, g, 40), Transpose.YES));
            assertTrue(held > 0.99 * best && held < 1.00001 * best, "seed 4: " + held + " of " + best);
        }
    }

    @ParameterizedTest
    @CsvSource({"12, 9", "300, 270"})
    void theElementOfLargestMagnitudeIsPositive(long rows, long cols) {
        try (Workbench bench = new Workbench()) {
            Tensor p = top(bench, random(bench, rows, cols, "g"), 5);
            for (int i = 0; i < 5; i++) {
                float smallest = 0;
                float largest = 0;
                for (int j = 0; j < p.shape().cols(); j++) {
                    smallest = Math.min(smallest, p.get(i, j));
                    largest = Math.max(largest, p.get(i, j));
                }
                assertTrue(largest >= -smallest, "seed 4, vector " + i + ": from " + smallest + " to " + largest);
            }
        }
    }

    /** At batch size 1 a gradient may have fewer dimensions than are asked for. */
    @ParameterizedTest
    @CsvSource({"20, 15, 2", "15, 20, 0", "300, 280, 2", "280, 300, 0"})
    void aMatrixOfLowerRankHasOrthonormalVectorsToo(long rows, long cols, int dimensions) {
        try (Workbench bench = new Workbench("vector", 1)) {
            Tensor g = dimensions == 0 ? bench.tensor(Shape.of(rows, cols), new float[(int) (rows * cols)])
                    : product(bench, random(bench, dimensions, rows, "a"), Transpose.YES, random(bench, dimensions, cols, "b"),
                            Transpose.NO);
            assertOrthonormal(bench, top(bench, g, 10), 2e-6);
        }
    }

    @Test
    void aGradientThatIsNotFiniteGivesNaN() {
        try (Workbench bench = new Workbench()) {
            Tensor g = random(bench, 6, 4, "g");
            g.segment().setAtIndex(ValueLayout.JAVA_FLOAT, 3, Float.NaN);
            for (float value : top(bench, g, 2).toFloatArray()) {
                assertTrue(Float.isNaN(value));
            }
        }
    }
}
