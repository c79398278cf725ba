package dev.smallbatch.optim;

/** What is done to gradients before the rule sees them. */
public sealed interface Clipping {
    /** Gradients as they are. */
    record None() implements Clipping {}

    /**
     * All gradients are scaled by {@code min(1, max / norm)}, norm being the Euclidean norm of all of them together. Every
     * gradient must be kept until the last one is known, so it excludes updates inside backward.
     *
     * @param max largest norm, positive
     */
    record GlobalNorm(double max) implements Clipping {
        public GlobalNorm {
            if (!(max > 0)) {
                throw new IllegalArgumentException("clipping: maximum norm " + max + "; a positive number");
            }
        }
    }

    /** True if no parameter can be updated before all gradients are known. */
    default boolean needsAllGradients() {
        return this instanceof GlobalNorm;
    }

    /** No clipping. */
    static Clipping none() {
        return new None();
    }
}
