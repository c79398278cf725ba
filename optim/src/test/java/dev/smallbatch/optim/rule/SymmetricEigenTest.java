package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.RandomKey;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SymmetricEigenTest {
    private static final long SEED = 3;

    private static double[][] symmetric(int n) {
        double[][] a = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                a[i][j] = RandomKey.of(SEED).normal((long) i * n + j);
                a[j][i] = a[i][j];
            }
        }
        return a;
    }

    private static double[][] copy(double[][] a) {
        return Arrays.stream(a).map(double[]::clone).toArray(double[][]::new);
    }

    /** Vectors that are orthonormal and are mapped to multiples of themselves are all there is to say. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 7, 40, 131})
    void vectorsAreOrthonormalAndMappedToMultiplesOfThemselves(int n) {
        double[][] a = symmetric(n);
        SymmetricEigen eigen = new SymmetricEigen(copy(a));
        for (int i = 0; i < n; i++) {
            double[] x = eigen.vector(i);
            for (int j = 0; j <= i; j++) {
                assertEquals(i == j ? 1 : 0, dot(x, eigen.vector(j)), 1e-12, "seed 3, vectors " + i + " and " + j);
            }
            for (int row = 0; row < n; row++) {
                assertEquals(eigen.value(i) * x[row], dot(a[row], x), 1e-11, "seed 3, value " + i + ", row " + row);
            }
        }
    }

    @Test
    void valuesDescendAndAddUpToTheTrace() {
        double[][] a = symmetric(30);
        double trace = 0;
        double sum = 0;
        SymmetricEigen eigen = new SymmetricEigen(copy(a));
        for (int i = 0; i < 30; i++) {
            trace += a[i][i];
            sum += eigen.value(i);
            assertTrue(i == 0 || eigen.value(i) <= eigen.value(i - 1), "value " + i);
        }
        assertEquals(trace, sum, 1e-12);
    }

    /** {@code 2 - 2 cos(pi i / (n + 1))}: the second difference, which is tridiagonal from the start. */
    @Test
    void findsTheValuesOfTheSecondDifference() {
        int n = 12;
        double[][] a = new double[n][n];
        for (int i = 0; i < n; i++) {
            a[i][i] = 2;
            if (i > 0) {
                a[i][i - 1] = -1;
                a[i - 1][i] = -1;
            }
        }
        SymmetricEigen eigen = new SymmetricEigen(a);
        for (int i = 0; i < n; i++) {
            assertEquals(2 - 2 * Math.cos(Math.PI * (n - i) / (n + 1)), eigen.value(i), 1e-14);
        }
    }

    @Test
    void aDiagonalMatrixIsSortedAndZerosHaveUnitVectors() {
        SymmetricEigen eigen = new SymmetricEigen(new double[][] {{1, 0, 0}, {0, 0, 0}, {0, 0, 5}});
        assertArrayEquals(new double[] {5, 1, 0}, new double[] {eigen.value(0), eigen.value(1), eigen.value(2)});
        assertEquals(1, Math.abs(eigen.vector(0)[2]));
        assertEquals(1, Math.abs(eigen.vector(2)[1]));
    }

    private static double dot(double[] x, double[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += x[i] * y[i];
        }
        return sum;
    }
}
