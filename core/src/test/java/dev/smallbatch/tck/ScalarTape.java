package dev.smallbatch.tck;

import java.util.Arrays;

/**
 * Reverse-mode differentiation of double scalars: the textbook list of operations, each with its one or two parents and
 * its derivative by each. A node is its index in the list.
 */
final class ScalarTape {
    private double[] values = new double[1 << 20];
    private int[] left = new int[values.length];
    private int[] right = new int[values.length];
    private double[] byLeft = new double[values.length];
    private double[] byRight = new double[values.length];
    private int size;

    /** An input. Node 0 stands for "no parent", so the first input takes 1. */
    int input(double value) {
        return node(value, 0, 0, 0, 0);
    }

    int add(int a, int b) {
        return node(value(a) + value(b), a, 1, b, 1);
    }

    int multiply(int a, int b) {
        return node(value(a) * value(b), a, value(b), b, value(a));
    }

    /** {@code factor * a + offset}. */
    int affine(int a, double factor, double offset) {
        return node(factor * value(a) + offset, a, factor, 0, 0);
    }

    int exp(int a) {
        return node(Math.exp(value(a)), a, Math.exp(value(a)), 0, 0);
    }

    int log(int a) {
        return node(Math.log(value(a)), a, 1 / value(a), 0, 0);
    }

    int tanh(int a) {
        double t = Math.tanh(value(a));
        return node(t, a, 1 - t * t, 0, 0);
    }

    int power(int a, double exponent) {
        return node(Math.pow(value(a), exponent), a, exponent * Math.pow(value(a), exponent - 1), 0, 0);
    }

    int sum(int[] terms) {
        int total = terms[0];
        for (int i = 1; i < terms.length; i++) {
            total = add(total, terms[i]);
        }
        return total;
    }

    int dot(int[] a, int[] b) {
        int[] terms = new int[a.length];
        Arrays.setAll(terms, i -> multiply(a[i], b[i]));
        return sum(terms);
    }

    double value(int node) {
        return values[node];
    }

    /** Derivative of {@code node} by every node. */
    double[] gradient(int node) {
        double[] gradient = new double[size + 1];
        gradient[node] = 1;
        for (int i = node; i > 0; i--) {
            gradient[left[i]] += gradient[i] * byLeft[i];
            gradient[right[i]] += gradient[i] * byRight[i];
        }
        return gradient;
    }

    private int node(double value, int a, double byA, int b, double byB) {
        int index = ++size;
        if (index == values.length) {
            grow(2 * values.length);
        }
        values[index] = value;
        left[index] = a;
        byLeft[index] = byA;
        right[index] = b;
        byRight[index] = byB;
        return index;
    }

    private void grow(int length) {
        values = Arrays.copyOf(values, length);
        left = Arrays.copyOf(left, length);
        right = Arrays.copyOf(right, length);
        byLeft = Arrays.copyOf(byLeft, length);
        byRight = Arrays.copyOf(byRight, length);
    }
}
