package dev.smallbatch.tck;

/**
 * The links that optimizer updates are composed of, each one naive pass in double. A rule is a chain of links that turns
 * a gradient into an update, which {@link #applied} subtracts.
 */
final class ReferenceTransforms {
    private ReferenceTransforms() {}

    /** {@code factor * u}. */
    static double[] scaled(double[] u, double factor) {
        double[] result = new double[u.length];
        for (int i = 0; i < u.length; i++) {
            result[i] = factor * u[i];
        }
        return result;
    }

    /** Heavy ball: {@code trace = momentum * trace + u}, and the update is the trace. */
    static double[] traced(double[] u, double[] trace, double momentum) {
        for (int i = 0; i < u.length; i++) {
            trace[i] = momentum * trace[i] + u[i];
        }
        return trace.clone();
    }

    /** Moving average {@code average = beta * average + (1 - beta) * u^power}. */
    static double[] averaged(double[] u, double[] average, double beta, int power) {
        for (int i = 0; i < u.length; i++) {
            average[i] = beta * average[i] + (1 - beta) * Math.pow(u[i], power);
        }
        return average.clone();
    }

    /** {@code average / (1 - beta^step)}, step counted from 1. */
    static double[] unbiased(double[] average, double beta, int step) {
        return scaled(average, 1 / (1 - Math.pow(beta, step)));
    }

    /** {@code m / (sqrt(v) + epsilon)}. */
    static double[] normalized(double[] m, double[] v, double epsilon) {
        double[] result = new double[m.length];
        for (int i = 0; i < m.length; i++) {
            result[i] = m[i] / (Math.sqrt(v[i]) + epsilon);
        }
        return result;
    }

    /** Decoupled weight decay: {@code u + decay * p}. */
    static double[] decayed(double[] u, double[] p, double decay) {
        double[] result = new double[u.length];
        for (int i = 0; i < u.length; i++) {
            result[i] = u[i] + decay * p[i];
        }
        return result;
    }

    /** {@code p - u}. */
    static double[] applied(double[] p, double[] u) {
        double[] result = new double[p.length];
        for (int i = 0; i < p.length; i++) {
            result[i] = p[i] - u[i];
        }
        return result;
    }
}
