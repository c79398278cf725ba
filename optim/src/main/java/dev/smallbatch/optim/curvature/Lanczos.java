package dev.smallbatch.optim.curvature;

import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Lanczos' method from a random unit vector q_1: for k = 1 to m, {@code w = A q_k}, {@code alpha_k = q_k'w},
 * {@code w = w - alpha_k q_k - beta_(k-1) q_(k-1)}, {@code beta_k = |w|}, {@code q_(k+1) = w / beta_k}. The eigenvalues of the
 * tridiagonal matrix of alpha and beta are Ritz values of A: those at the ends of its spectrum are found first.
 *
 * <p>Either all vectors are kept and w is made orthogonal to each of them, twice, so that the Ritz values with their weights are
 * a quadrature of the spectrum ({@link Spectrum}). Or three are kept: then the largest eigenvalue returns as copies, which does
 * not harm where it alone is asked for. 5 to 20 steps do for the ends of the spectrum, a density takes about 100.
 *
 * <p>The vectors that are kept are F32, w and all sums are double, in a fixed order. Everything is allocated at the beginning, w
 * on the heap; used by one thread.
 *
 * @see <a href="https://doi.org/10.1137/16M1104974">Ubaru, Chen and Saad 2017, Fast estimation of tr(f(A)) via stochastic Lanczos
 *     quadrature</a>
 */
public final class Lanczos {
    private static final double NOTHING_LEFT = 1e-10;

    private final int steps;
    private final boolean orthogonalizes;
    private final Tensor[] vectors;
    private final double[] w;

    /** What is left of the operator: its diagonal, and one element less beside it. */
    record Tridiagonal(double[] alpha, double[] beta) {}

    /**
     * Allocates the vectors.
     *
     * @param size of the operator
     * @param steps most products of a run, at least 1 and at most {@code size}
     * @param keepsAll whether every vector is kept and orthogonalized against, or three
     * @param memory with room for {@link #bytes}
     */
    public Lanczos(long size, int steps, boolean keepsAll, Region memory) {
        if (steps < 1 || steps > size) {
            throw new IllegalArgumentException("lanczos: " + steps + " steps on " + size + " dimensions; from 1 to as many as"
                    + " there are");
        }
        this.steps = steps;
        this.orthogonalizes = keepsAll;
        this.w = new double[Math.toIntExact(size)];
        this.vectors = new Tensor[count(steps, keepsAll)];
        for (int i = 0; i < vectors.length; i++) {
            vectors[i] = memory.allocate(DType.F32, Shape.of(size));
        }
    }

    /** Bytes of region that the constructor takes. */
    public static long bytes(long size, int steps, boolean keepsAll) {
        return count(steps, keepsAll) * Region.bytesFor(DType.F32, Shape.of(size));
    }

    private static int count(int steps, boolean keepsAll) {
        return keepsAll ? steps + 1 : 3;
    }

    /**
     * Makes the steps, or fewer if there is nothing left of the operator: beta below 1e-10 of the largest alpha.
     *
     * @param key of the start vector
     * @throws ArithmeticException if a product is not finite
     */
    public Spectrum run(SymmetricOperator operator, RandomKey key) {
        new Init.Normal(1).fill(start(), key);
        return Spectrum.of(reduce(operator));
    }

    /** The vector that {@link #reduce} starts from, of any length. */
    Tensor start() {
        return vectors[0];
    }

    Tridiagonal reduce(SymmetricOperator operator) {
        double[] alpha = new double[steps];
        double[] beta = new double[steps];
        double largest = 0;
        load(start());
        store(start(), norm());
        int k = 0;
        do {
            Tensor q = vector(k);
            operator.apply(q, vector(k + 1));
            load(vector(k + 1));
            alpha[k] = dot(q);
            largest = Math.max(largest, Math.abs(alpha[k]));
            subtract(alpha[k], q);
            if (k > 0) {
                subtract(beta[k - 1], vector(k - 1));
            }
            for (int i = 0; orthogonalizes && i < 2 * (k + 1); i++) {
                Tensor kept = vectors[i % (k + 1)];
                subtract(dot(kept), kept);
            }
            beta[k] = norm();
            if (!Double.isFinite(beta[k])) {
                throw new ArithmeticException("lanczos: product " + (k + 1) + " is not finite; is the loss?");
            }
            store(vector(k + 1), beta[k]);
        } while (beta[k++] > NOTHING_LEFT * largest && k < steps);
        return new Tridiagonal(Arrays.copyOf(alpha, k), Arrays.copyOf(beta, k - 1));
    }

    private Tensor vector(int k) {
        return vectors[k % vectors.length];
    }

    private void load(Tensor x) {
        MemorySegment from = x.segment();
        for (int i = 0; i < w.length; i++) {
            w[i] = from.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        }
    }

    /** {@code x = w / length}. */
    private void store(Tensor x, double length) {
        MemorySegment to = x.segment();
        for (int i = 0; i < w.length; i++) {
            to.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (w[i] / length));
        }
    }

    private double norm() {
        double sum = 0;
        for (double element : w) {
            sum += element * element;
        }
        return Math.sqrt(sum);
    }

    /** {@code q'w}. */
    private double dot(Tensor q) {
        MemorySegment segment = q.segment();
        double sum = 0;
        for (int i = 0; i < w.length; i++) {
            sum += segment.getAtIndex(ValueLayout.JAVA_FLOAT, i) * w[i];
        }
        return sum;
    }

    /** {@code w -= a q}. */
    private void subtract(double a, Tensor q) {
        MemorySegment segment = q.segment();
        for (int i = 0; i < w.length; i++) {
            w[i] -= a * segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        }
    }
}
