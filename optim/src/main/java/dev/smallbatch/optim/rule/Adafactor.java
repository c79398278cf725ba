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
 * Adafactor as the small-batch study used it: Adam's second moment, kept as means over the rows and columns of each matrix,
 * without a first moment, with steps in proportion to the parameter. For update k = 1, 2, ..., with {@code S = g^2 + 1e-30} and
 * rho of {@link SecondMoment}: {@code r = rho r + (1 - rho) rowMeans(S)}, {@code c = rho c + (1 - rho) columnMeans(S)},
 * {@code u[i, j] = g[i, j] / (sqrt(r[i] / mean(r)) sqrt(c[j]))},
 * {@code p = p - lr (max(rms(p), 1e-3) u / max(1, rms(u)) + weightDecay p)}, rms being the root of the mean square over the
 * whole parameter. A matrix with fewer than {@code factorFrom} rows or columns keeps the mean of S itself, 4 bytes for each
 * parameter; the others 4 (rows + columns) bytes. A parameter of several matrices ({@link Parameter#block}) factors each.
 *
 * @param lr learning rate, relative to the size of the parameter
 * @param secondMoment how fast old squares are forgotten
 * @param factorFrom least number of rows and of columns of a matrix that is factored, usually 128
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://arxiv.org/abs/1804.04235">Shazeer and Stern 2018</a>
 */
public record Adafactor(Schedule lr, SecondMoment secondMoment, int factorFrom, double weightDecay) implements UpdateRule {
    /** Least number of rows and columns that are usually factored. */
    public static final int FACTOR_FROM = 128;
    /** The usual power, at which every gradient so far weighs about the same. */
    public static final double POWER = 0.999;

    public Adafactor {
        if (factorFrom < 1 || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("adafactor: factored from " + factorFrom + ", weight decay " + weightDecay
                    + "; at least 1 and at least 0");
        }
    }

    /** As in the small-batch study. */
    public Adafactor(Schedule lr) {
        this(lr, new SecondMoment.Power(POWER), FACTOR_FROM, 0);
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
        float[] s = context.scalars(UpdateKernels.ADAFACTOR_SLOTS, context.value(lr), weightDecay);
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
