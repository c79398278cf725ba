package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Adafactor, usually as the small-batch study used it: Adam's second moment, kept as means over the rows and columns of each
 * matrix, without a first moment, with steps in proportion to the parameter. For update k = 1, 2, ..., with
 * {@code S = g^2 + 1e-30} and rho of {@link SecondMoment}: {@code r = rho r + (1 - rho) rowMeans(S)},
 * {@code c = rho c + (1 - rho) columnMeans(S)}, {@code u[i, j] = g[i, j] / (sqrt(r[i] / mean(r)) sqrt(c[j]))},
 * {@code p = p - lr (max(rms(p), smallestScale) u / max(1, rms(u) / largestStep) + weightDecay p)}, rms being the root of the
 * mean square over the whole parameter. {@link Form} says what is published beside it. A matrix with fewer than
 * {@code factorFrom} rows or columns keeps the mean of S itself, 4 bytes for each parameter; the others 4 (rows + columns)
 * bytes. A parameter of several matrices ({@link Parameter#block}) factors each.
 *
 * @param lr learning rate, relative to the size of the parameter
 * @param secondMoment how fast old squares are forgotten
 * @param factorFrom least number of rows and of columns of a matrix that is factored, usually 128
 * @param form where second moments are bounded, and whether the rate is
 * @param smallestScale size that a parameter's steps are measured by if its own is smaller, usually 0.001; above 0
 * @param largestStep size of u above which it is shortened, usually 1; above 0
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://arxiv.org/abs/1804.04235">Shazeer and Stern 2018, algorithms 4 and 5</a>
 */
public record Adafactor(Schedule lr, SecondMoment secondMoment, int factorFrom, Form form, double smallestScale,
        double largestStep, double weightDecay) implements UpdateRule {
    /** Least number of rows and columns that are usually factored. */
    public static final int FACTOR_FROM = 128;
    /** The usual power, at which every gradient so far weighs about the same. */
    public static final double POWER = 0.999;
    /** The usual {@code smallestScale}. */
    public static final double SMALLEST_SCALE = 1e-3;
    private static final float SQUARE_ADDED = 1e-30f;
    private static final float FLOAT_EPSILON = 0x1p-23f;

    /** The published forms, where they disagree. */
    public enum Form {
        /** The paper's and optax's: 1e-30 is added to every square. */
        OPTAX,
        /**
         * Torch's: nothing is added, but {@code mean(r)} and the root that g is divided by are at least 2^-23, so that the
         * steps of small gradients are short; and the rate of update k is at most {@code 1 / sqrt(k)}.
         */
        TORCH
    }

    public Adafactor {
        if (factorFrom < 1 || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("adafactor: factored from " + factorFrom + ", weight decay " + weightDecay
                    + "; at least 1 and at least 0");
        }
        if (!(smallestScale > 0) || !(largestStep > 0)) {
            throw new IllegalArgumentException("adafactor: smallest scale " + smallestScale + ", largest step " + largestStep
                    + "; both above 0, usually " + SMALLEST_SCALE + " and 1");
        }
    }

    /** As in the small-batch study. */
    public Adafactor(Schedule lr) {
        this(lr, new SecondMoment.Power(POWER), FACTOR_FROM, 0);
    }

    /** With the usual form and sizes of steps. */
    public Adafactor(Schedule lr, SecondMoment secondMoment, int factorFrom, double weightDecay) {
        this(lr, secondMoment, factorFrom, Form.OPTAX, SMALLEST_SCALE, 1, weightDecay);
    }

    /** The share rho of the old mean of squares in the new one. */
    public sealed interface SecondMoment {
        /** {@code 1 - rho} of update k = 1, 2, ...; 1 for the first. */
        double take(long k, long tokensPerStep);

        /** rho of update k. */
        double keep(long k, long tokensPerStep);

        /**
         * {@code rho = 1 - k^-exponent}: the memory grows with the run. What the study's code did, and its numbers come from.
         *
         * @param exponent above 0; close to 1 means the plain mean of all squares so far
         */
        record Power(double exponent) implements SecondMoment {
            public Power {
                if (!(exponent > 0) || Double.isInfinite(exponent)) {
                    throw new IllegalArgumentException("adafactor: power " + exponent + "; a positive number, usually " + POWER);
                }
            }

            @Override
            public double take(long k, long tokensPerStep) {
                return Math.pow(k, -exponent);
            }

            @Override
            public double keep(long k, long tokensPerStep) {
                return -Math.expm1(-exponent * Math.log(k));
            }
        }

        /**
         * {@code rho = beta2}, but 0 in the first update: a moving average, as the study's text has it.
         *
         * @param beta2 of the average, best given as a half-life in tokens
         */
        record Constant(Decay beta2) implements SecondMoment {
            @Override
            public double take(long k, long tokensPerStep) {
                return k == 1 ? 1 : beta2.complement(tokensPerStep);
            }

            @Override
            public double keep(long k, long tokensPerStep) {
                return k == 1 ? 0 : beta2.perStep(tokensPerStep);
            }
        }
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        if (Math.min(parameter.block().rows(), parameter.block().cols()) < factorFrom) {
            return OptimizerState.zeros(parameter, region, "v");
        }
        Shape shape = parameter.value().shape();
        SequencedMap<String, Shape> means = new LinkedHashMap<>();
        means.put("r", Shape.of(shape.rows(), shape.cols() / parameter.block().cols()));
        means.put("c", Shape.of(shape.rows() / parameter.block().rows(), shape.cols()));
        return OptimizerState.zeros(region, means);
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.ADAFACTOR_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        long k = context.step() + 1;
        double rate = context.value(lr);
        float[] s = context.scalars(UpdateKernels.ADAFACTOR_SLOTS, rate, weightDecay);
        s[UpdateKernels.LEARNING_RATE] = (float) (form == Form.TORCH ? Math.min(rate, 1 / Math.sqrt(k)) : rate);
        s[form == Form.TORCH ? UpdateKernels.LEAST_ROOT : UpdateKernels.SQUARE_ADDED] =
                form == Form.TORCH ? FLOAT_EPSILON : SQUARE_ADDED;
        s[UpdateKernels.SMALLEST_SCALE] = (float) smallestScale;
        s[UpdateKernels.LARGEST_STEP] = (float) largestStep;
        s[UpdateKernels.KEEP] = (float) secondMoment.keep(k, context.tokensPerStep());
        s[UpdateKernels.TAKE] = (float) secondMoment.take(k, context.tokensPerStep());
        return s;
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        Tensor whole = state.get("v");
        if (whole != null) {
            kernels.update().adafactorStep(parameter.value(), whole, gradient, scalars, rounding.mode(), rounding.key());
        } else {
            kernels.update().factoredAdafactorStep(parameter.value(), state.get("r"), state.get("c"), gradient, scalars,
                    rounding.mode(), rounding.key());
        }
    }
}
