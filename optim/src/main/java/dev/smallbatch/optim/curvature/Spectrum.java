package dev.smallbatch.optim.curvature;

import dev.smallbatch.optim.rule.SymmetricEigen;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Eigenvalues of a symmetric operator A as m values with weights, by stochastic Lanczos quadrature. With q the unit vector of the
 * start, {@code sum of weight_k f(value_k) = q'f(A)q} for polynomials f of degree up to 2 m - 1; over random starts that is the
 * mean of f over all eigenvalues. Negative values are normal away from a minimum.
 */
public final class Spectrum {
    private final double[] values;
    private final double[] weights;

    /**
     * Of values in any order.
     *
     * @param weights of the values, with sum 1
     */
    public Spectrum(double[] values, double[] weights) {
        int[] order = IntStream.range(0, values.length).boxed().sorted(Comparator.comparingDouble(i -> values[i]))
                .mapToInt(Integer::intValue).toArray();
        this.values = Arrays.stream(order).mapToDouble(i -> values[i]).toArray();
        this.weights = Arrays.stream(order).mapToDouble(i -> weights[i]).toArray();
    }

    /** Ritz values, and the squared first components of the tridiagonal matrix's eigenvectors. */
    static Spectrum of(Lanczos.Tridiagonal matrix) {
        int n = matrix.alpha().length;
        double[][] rows = new double[n][n];
        for (int i = 0; i < n; i++) {
            rows[i][i] = matrix.alpha()[i];
            if (i > 0) {
                rows[i][i - 1] = matrix.beta()[i - 1];
                rows[i - 1][i] = matrix.beta()[i - 1];
            }
        }
        SymmetricEigen eigen = new SymmetricEigen(rows);
        return new Spectrum(IntStream.range(0, n).mapToDouble(eigen::value).toArray(),
                IntStream.range(0, n).mapToDouble(i -> eigen.vector(i)[0] * eigen.vector(i)[0]).toArray());
    }

    /** That of several starts or batches together, each counting equally: the more, the smoother its density. */
    public static Spectrum mean(List<Spectrum> spectra) {
        return new Spectrum(spectra.stream().flatMapToDouble(spectrum -> Arrays.stream(spectrum.values)).toArray(),
                spectra.stream().flatMapToDouble(spectrum -> Arrays.stream(spectrum.weights))
                .map(weight -> weight / spectra.size()).toArray());
    }

    /** Ritz values, ascending; a copy. */
    public double[] values() {
        return values.clone();
    }

    /** Their weights, with sum 1; a copy. */
    public double[] weights() {
        return weights.clone();
    }

    /** The largest value, at most the largest eigenvalue but for rounding. */
    public double largest() {
        return values[values.length - 1];
    }

    /** The smallest value, at least the smallest eigenvalue but for rounding. */
    public double smallest() {
        return values[0];
    }

    /** Mean by weight of the positive values below the largest; the largest if there are none: the scale of the bulk. */
    public double positiveBulk() {
        double sum = 0;
        double weight = 0;
        for (int k = 0; k < values.length - 1; k++) {
            if (values[k] > 0) {
                sum += weights[k] * values[k];
                weight += weights[k];
            }
        }
        return weight > 0 ? sum / weight : largest();
    }

    /** Share of eigenvalues for each unit at x, every value widened to a normal curve of a standard deviation. */
    public double density(double x, double width) {
        double sum = 0;
        for (int k = 0; k < values.length; k++) {
            double z = (x - values[k]) / width;
            sum += weights[k] * Math.exp(-z * z / 2);
        }
        return sum / (width * Math.sqrt(2 * Math.PI));
    }
}
