package dev.smallbatch.optim.rule;

/**
 * What a matrix X of m rows and n columns becomes if some norm of it is prescribed: the nearest in direction among those whose
 * norm makes their root mean square 1. Lines whose root mean square is below 1e-8 are divided by that, so that those of zeros
 * remain.
 *
 * @see <a href="https://arxiv.org/abs/2502.06742">Scetbon et al. 2025</a>
 */
public sealed interface Projection {
    /**
     * Every row over its root mean square.
     *
     * @param centered whether its mean is taken away first, which makes it SWAN's GradNorm
     */
    record Rows(boolean centered) implements Projection {}

    /** Every column over its root mean square. */
    record Columns() implements Projection {}

    /** The matrix over its root mean square. */
    record Frobenius() implements Projection {}

    /** The sign of every element, 0 for 0. */
    record Sign() implements Projection {}

    /**
     * {@code sqrt(max(m, n))} times the nearest orthogonal matrix, about: by {@code X = beta (3 X - X X^T X)} from a matrix of
     * norm 1. A matrix without full rank comes out smaller than a root mean square of 1.
     *
     * @param beta 0.5 converges, each step multiplying small singular values by 1.5; larger ones grow faster but do not
     *     settle: with 0.8 they end between 0.56 and 1.6. At most 1, beyond which they grow without bound
     * @param steps at least 1
     */
    record Spectral(double beta, int steps) implements Projection {
        public Spectral {
            if (!(beta > 0 && beta <= 1) || steps < 1) {
                throw new IllegalArgumentException("spectral projection: beta " + beta + " with " + steps
                        + " steps; above 0 and at most 1, with at least 1");
            }
        }
    }
}
