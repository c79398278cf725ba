package dev.smallbatch.optim.batch;

import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;

/**
 * Asks whether a batch is large enough for its gradient to be trusted. With b samples whose gradients have mean {@code g} (see
 * {@link GradientNoise}) every condition is of the form {@code noise / b <= signal}, so that the smallest batch that meets it is
 * {@code noise / signal}. Pure functions.
 *
 * @see <a href="https://arxiv.org/abs/2402.11215">Lau, Liu and Kolar 2024</a>
 */
public sealed interface BatchTest {
    /** The conditions of a batch; with {@code unbiased} their signals are without what noise adds to them. */
    Conditions conditions(GradientNoise noise, boolean unbiased);

    /** Part of the conditions that must be met, in (0, 1]. */
    default double quantile() {
        return 1;
    }

    /** Whether the gradients of single samples are needed, and statistics of micro-batches are not enough. */
    default boolean needsSamples() {
        return !(this instanceof Norm);
    }

    /**
     * A test as it is written on the command line and in files: norm, inner-product, augmented or coordinate-wise, and after a
     * colon those of its numbers that shall not be the usual: {@code augmented:theta=0.5,nu=1}.
     *
     * @throws IllegalArgumentException if there is no such test, or it has no such number
     */
    static BatchTest of(String text) {
        String pair = "[a-z]+=\\d+(\\.\\d+)?";
        String[] words = text.matches("[a-z-]+(:" + pair + "(," + pair + ")*)?") ? text.split("[:,=]") : new String[1];
        Map<String, Double> given = new TreeMap<>();
        for (int i = 1; i < words.length; i += 2) {
            given.put(words[i], Double.valueOf(words[i + 1]));
        }
        ToDoubleBiFunction<String, Double> number = (key, usual) -> Objects.requireNonNullElse(given.remove(key), usual);
        BatchTest test = switch (String.valueOf(words[0])) {
            case "norm" -> new Norm(number.applyAsDouble("eta", 1.0));
            case "inner-product" -> new InnerProduct(number.applyAsDouble("theta", 0.5));
            case "augmented" -> new Augmented(number.applyAsDouble("theta", 0.5), number.applyAsDouble("nu", 1.0));
            case "coordinate-wise" -> new CoordinateWise(number.applyAsDouble("eta", 1.0), number.applyAsDouble("quantile", 0.5));
            default -> null;
        };
        if (test == null || !given.isEmpty()) {
            throw new IllegalArgumentException("batch test: '" + text + "'; it is norm:eta=1, inner-product:theta=0.5,"
                    + " augmented:theta=0.5,nu=1 or coordinate-wise:eta=1,quantile=0.5, with other numbers or without");
        }
        return test;
    }

    /**
     * The variance of the mean is small against it: {@code V / b <= eta^2 |g|^2}. The one test that micro-batches suffice for.
     *
     * @param eta above 0; larger means smaller batches. Biased signals meet any condition with eta 1 or more
     * @see <a href="https://doi.org/10.1007/s10107-012-0572-5">Byrd, Chin, Nocedal and Wu 2012</a>
     */
    record Norm(double eta) implements BatchTest {
        public Norm {
            requirePositive("eta", eta);
        }

        @Override
        public Conditions conditions(GradientNoise noise, boolean unbiased) {
            return Conditions.of(noise.variance(), eta * eta * noise.signal(unbiased));
        }
    }

    /**
     * Most samples agree on the direction: {@code var <g_i, g> / b <= theta^2 |g|^4}.
     *
     * @see <a href="https://arxiv.org/abs/1710.11258">Bollapragada, Byrd and Nocedal 2018, section 2</a>
     */
    record InnerProduct(double theta) implements BatchTest {
        public InnerProduct {
            requirePositive("theta", theta);
        }

        @Override
        public Conditions conditions(GradientNoise noise, boolean unbiased) {
            double signal = theta * noise.signal(unbiased);
            return Conditions.of(samples(noise).innerProductVariance(), signal * signal);
        }
    }

    /**
     * {@link InnerProduct}, and what is at right angles to the mean is small against it: {@code V_orthogonal / b <= nu^2 |g|^2}.
     *
     * @see <a href="https://arxiv.org/abs/1710.11258">Bollapragada, Byrd and Nocedal 2018, section 2.2</a>
     */
    record Augmented(double theta, double nu) implements BatchTest {
        public Augmented {
            requirePositive("theta", theta);
            requirePositive("nu", nu);
        }

        @Override
        public Conditions conditions(GradientNoise noise, boolean unbiased) {
            double signal = noise.signal(unbiased);
            return new Conditions(new double[] {samples(noise).innerProductVariance(), noise.orthogonalVariance()},
                    new double[] {theta * theta * signal * signal, nu * nu * signal});
        }
    }

    /**
     * {@link Norm} for each coordinate j: {@code var_j / b <= eta^2 g_j^2}. Some mean is always close to 0 and would ask for a
     * batch without end, so only a part of the coordinates has to pass.
     *
     * @param quantile that part, in (0, 1]
     */
    record CoordinateWise(double eta, double quantile) implements BatchTest {
        public CoordinateWise {
            requirePositive("eta", eta);
            if (!(quantile > 0 && quantile <= 1)) {
                throw new IllegalArgumentException("batch test: quantile " + quantile + "; above 0, at most 1");
            }
        }

        @Override
        public Conditions conditions(GradientNoise noise, boolean unbiased) {
            double[] variances = samples(noise).variances();
            double[] signals = noise.samples().squaredMeans().clone();
            for (int j = 0; j < signals.length; j++) {
                double bias = unbiased ? variances[j] / noise.batchSize() : 0;
                signals[j] = eta * eta * Math.max(0, signals[j] - bias);
            }
            return new Conditions(variances, signals);
        }
    }

    /**
     * Each says {@code noise[i] / b <= signal[i]}.
     *
     * @param noise at least 0
     * @param signal at least 0
     */
    record Conditions(double[] noise, double[] signal) {
        static Conditions of(double noise, double signal) {
            return new Conditions(new double[] {noise}, new double[] {signal});
        }

        /**
         * The smallest batch that meets a part of them, not rounded: 0 without noise, infinite if a signal is missing. Where both
         * are, as in a table's rows that no token of the batch stands for, nothing is said.
         */
        public double batchSize(double quantile) {
            double[] sizes = IntStream.range(0, noise.length).filter(i -> noise[i] > 0 || signal[i] > 0)
                    .mapToDouble(i -> noise[i] / signal[i]).sorted().toArray();
            return sizes.length == 0 ? 0 : sizes[(int) Math.ceil(quantile * sizes.length) - 1];
        }

        /** {@code keep} of these and {@code 1 - keep} of newer ones, term by term. */
        Conditions mixed(double keep, Conditions newer) {
            return new Conditions(mixed(keep, noise, newer.noise), mixed(keep, signal, newer.signal));
        }

        private static double[] mixed(double keep, double[] old, double[] newer) {
            double[] mix = new double[old.length];
            Arrays.setAll(mix, i -> keep * old[i] + (1 - keep) * newer[i]);
            return mix;
        }

        boolean isFinite() {
            return Double.isFinite(Arrays.stream(noise).sum() + Arrays.stream(signal).sum());
        }
    }

    private static GradientNoise.Samples samples(GradientNoise noise) {
        return Objects.requireNonNull(noise.samples(),
                "batch test: only the norm test does without the gradients of single samples");
    }

    private static void requirePositive(String name, double value) {
        if (!(value > 0) || Double.isInfinite(value)) {
            throw new IllegalArgumentException("batch test: " + name + " " + value + "; a positive number");
        }
    }
}
