package dev.smallbatch.bench.experiments;

import dev.smallbatch.core.rand.RandomKey;
import java.util.Arrays;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * {@code H = X'X / B}: X of B rows and 200 columns of standard normal numbers, those of the first column times the root of a
 * spike. What is known of its largest eigenvalue, and of descent on {@code x'Hx / 2}, is what is assumed of batches.
 */
final class RandomMatrix {
    static final int COLUMNS = 200;
    static final double SPIKE = 11;
    private static final double BESIDE = 0.02;
    private static final int POWER = 3000;
    private static final int DESCENT = 500;

    private final double[][] matrix = new double[COLUMNS][COLUMNS];

    RandomMatrix(int rows, double spike, RandomKey key) {
        double[] x = new double[COLUMNS];
        for (long row = 0; row < rows; row++) {
            long first = row * COLUMNS;
            Arrays.setAll(x, i -> key.normal(first + i) * (i == 0 ? Math.sqrt(spike) : 1));
            for (int i = 0; i < COLUMNS; i++) {
                for (int j = 0; j < COLUMNS; j++) {
                    matrix[i][j] += x[i] * x[j] / rows;
                }
            }
        }
    }

    /** The largest eigenvalue, and the loss after descent with a rate 2 % below and above 2 over it, relative to that before. */
    double[] measure() {
        double[] x = ones();
        for (int i = 0; i < POWER; i++) {
            double length = Math.sqrt(dot(x, x));
            x = Arrays.stream(product(x)).map(element -> element / length).toArray();
        }
        double largest = Math.sqrt(dot(x, x));
        return new double[] {largest, descend((1 - BESIDE) * 2 / largest), descend((1 + BESIDE) * 2 / largest)};
    }

    private double descend(double rate) {
        double[] x = ones();
        double first = dot(x, product(x));
        for (int step = 0; step < DESCENT; step++) {
            double[] gradient = product(x);
            Arrays.setAll(x, i -> x[i] - rate * gradient[i]);
        }
        return dot(x, product(x)) / first;
    }

    private static double[] ones() {
        return DoubleStream.generate(() -> 1).limit(COLUMNS).toArray();
    }

    private double[] product(double[] x) {
        return Arrays.stream(matrix).mapToDouble(row -> dot(row, x)).toArray();
    }

    private static double dot(double[] a, double[] b) {
        return IntStream.range(0, a.length).mapToDouble(i -> a[i] * b[i]).sum();
    }
}
