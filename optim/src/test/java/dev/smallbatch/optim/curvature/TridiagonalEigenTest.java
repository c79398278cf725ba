package dev.smallbatch.optim.curvature;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.rand.RandomKey;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class TridiagonalEigenTest {
    @Test
    void theSecondDifferenceHasItsKnownEigenvaluesAndVectors() {
        int n = 40;
        double[] values = new double[n];
        double[] beside = new double[n - 1];
        double[][] vectors = unit(n);
        Arrays.fill(values, 2);
        Arrays.fill(beside, -1);
        TridiagonalEigen.solve(values, beside, vectors);
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        for (int k = 0; k < n; k++) {
            assertEquals(2 - 2 * Math.cos(Math.PI * (k + 1) / (n + 1)), sorted[k], 1e-14, "eigenvalue " + k);
        }
        double[] diagonal = new double[n];
        Arrays.fill(diagonal, 2);
        double[] ones = new double[n - 1];
        Arrays.fill(ones, -1);
        requireEigenvectors(diagonal, ones, values, vectors);
    }

    @Test
    void vectorsOfRandomMatricesSolveTheirEquation() {
        for (int n : new int[] {1, 2, 3, 17, 60}) {
            RandomKey key = RandomKey.of(n);
            double[] diagonal = new double[n];
            double[] beside = new double[n - 1];
            for (int i = 0; i < n; i++) {
                diagonal[i] = key.normal(i) * Math.pow(10, i % 7 - 3);
                if (i > 0) {
                    // Every fifth row is a block of its own.
                    beside[i - 1] = i % 5 == 0 ? 0 : key.normal(n + i);
                }
            }
            double[] values = diagonal.clone();
            double[][] vectors = unit(n);
            TridiagonalEigen.solve(values, beside.clone(), vectors);
            requireEigenvectors(diagonal, beside, values, vectors);
        }
    }

    private static double[][] unit(int n) {
        double[][] unit = new double[n][n];
        for (int i = 0; i < n; i++) {
            unit[i][i] = 1;
        }
        return unit;
    }

    private static void requireEigenvectors(double[] diagonal, double[] beside, double[] values, double[][] vectors) {
        int n = diagonal.length;
        for (int k = 0; k < n; k++) {
            double squares = 0;
            for (int i = 0; i < n; i++) {
                double product = diagonal[i] * vectors[i][k] + (i > 0 ? beside[i - 1] * vectors[i - 1][k] : 0)
                        + (i + 1 < n ? beside[i] * vectors[i + 1][k] : 0);
                assertEquals(values[k] * vectors[i][k], product, 2e-12 * 1000, "n " + n + ", vector " + k + ", row " + i);
                squares += vectors[i][k] * vectors[i][k];
            }
            assertEquals(1, squares, 1e-12, "n " + n + ", vector " + k);
        }
    }

    @Test
    void aMatrixOfEqualElementsNeedsNoRotation() {
        double[] values = {3, 3, 3};
        TridiagonalEigen.solve(values, new double[2]);
        assertEquals(9, values[0] + values[1] + values[2]);
    }

    @Test
    void whatIsNotFiniteIsRefused() {
        assertThrows(ArithmeticException.class, () -> TridiagonalEigen.solve(new double[] {1, Double.NaN}, new double[] {1}));
        assertThrows(ArithmeticException.class, () -> TridiagonalEigen.solve(new double[] {1, 2}, new double[] {Double.NaN}));
    }
}
