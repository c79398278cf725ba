package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.spi.UpdateKernels.Lines;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.List;

/**
 * Steps by the gradient of a matrix with several of its norms prescribed: {@code X = g}, then {@code rounds} times every
 * {@link Projection} in turn, {@code p = p - lr (X + weightDecay p)}. The projections end where all norms are right at once;
 * {@link #sinkGd} and {@link #swan} are such rules, and so are the parts of SCALE. X has a root mean square of 1, or
 * hardly less, whatever the size of the gradient, so that clipping does nothing and the learning rate is the length of a step.
 *
 * <p>For matrices alone; each block of a parameter ({@link Parameter#block}) is a matrix. No state, or 4 bytes for each parameter
 * with momentum. All parameters together need room to work in: two numbers for each row and column of the largest one, and with
 * projections other than uncentered rows and columns three to four copies of it.
 *
 * @param lr learning rate: the root mean square of a step
 * @param projections in this order; at least one
 * @param rounds at least 1
 * @param beta decay of an average of gradients that is projected in place of the gradient, as in
 *     {@code m = beta m + (1 - beta) g}; null for none
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://arxiv.org/abs/2502.06742">Scetbon et al. 2025</a>
 */
public record MultiNorm(Schedule lr, List<Projection> projections, int rounds, Decay beta, double weightDecay)
        implements UpdateRule {
    /** The usual number of rounds of {@link #sinkGd}. */
    public static final int SINK_ROUNDS = 5;
    /** The usual beta of {@link #swan}. */
    public static final double SWAN_BETA = 0.8;
    /** The usual steps of {@link #swan}. */
    public static final int SWAN_STEPS = 10;

    public MultiNorm {
        projections = List.copyOf(projections);
        if (projections.isEmpty() || rounds < 1 || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("multi-norm: " + rounds + " rounds of " + projections + ", weight decay "
                    + weightDecay + "; at least 1 round of 1 projection, decay 0");
        }
    }

    /**
     * SinkGD: rows and columns in turn, as Sinkhorn's balancing does. {@code X = g}; {@code rounds} times each row, then each
     * column over its root mean square.
     *
     * @see <a href="https://arxiv.org/abs/2502.06742">Scetbon et al. 2025, algorithm 2</a>
     */
    public static MultiNorm sinkGd(Schedule lr, int rounds, double weightDecay) {
        return new MultiNorm(lr, List.of(new Projection.Rows(false), new Projection.Columns()), rounds, null, weightDecay);
    }

    /**
     * SWAN: {@code G} is the gradient with each row minus its mean over its standard deviation, {@code W = (G G^T)^(-1/2) G},
     * the step is W at a root mean square of 1.
     *
     * @param centered whether means are taken away; the authors' later papers do not
     * @param beta of the iteration for W: {@link #SWAN_BETA}, or 0.5, with which 20 steps give W exactly
     * @param steps of the iteration
     * @see <a href="https://arxiv.org/abs/2412.13148">Ma et al. 2024</a>
     */
    public static MultiNorm swan(Schedule lr, boolean centered, double beta, int steps, double weightDecay) {
        return new MultiNorm(lr, List.of(new Projection.Rows(centered), new Projection.Spectral(beta, steps),
                new Projection.Frobenius()), 1, null, weightDecay);
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        if (parameter.value().shape().rank() < 2) {
            throw new IllegalArgumentException("multi-norm: " + parameter
                    + " is no matrix; put it into a group with another rule");
        }
        return beta == null ? OptimizerState.none() : OptimizerState.zeros(parameter, region, "m");
    }

    @Override
    public long scratchSize(Parameter parameter) {
        return NormalizedMatrix.scratchSize(parameter, copies());
    }

    private boolean copies() {
        return !projections.stream().allMatch(p -> p.equals(new Projection.Rows(false)) || p.equals(new Projection.Columns()));
    }

    /** Those of the step, of a step ahead, and of the average as a step of its own. */
    @Override
    public int scalarCount() {
        return 3 * UpdateKernels.MOMENTUM_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        double take = beta == null ? 1 : beta.complement(context.tokensPerStep());
        float[] all = new float[scalarCount()];
        float[][] parts = {context.momentum(context.value(lr), weightDecay, 0, 0, 0, 1),
            new StepContext(0, 1).momentum(-1, 0, 0, 0, 0, 1), context.momentum(-take, -1, 0, 0, 0, 1)};
        for (int i = 0; i < parts.length; i++) {
            System.arraycopy(parts[i], 0, all, i * UpdateKernels.MOMENTUM_SLOTS, UpdateKernels.MOMENTUM_SLOTS);
        }
        return all;
    }

    private static Tensor part(Tensor scalars, int index) {
        return scalars.rows((long) index * UpdateKernels.MOMENTUM_SLOTS, (index + 1L) * UpdateKernels.MOMENTUM_SLOTS);
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        Tensor x = gradient;
        if (beta != null) {
            // m - (1 - beta) m + (1 - beta) g, a step of gradient descent.
            x = state.get("m");
            kernels.update().sgdStep(x, null, gradient, part(scalars, 2), Rounding.NEAREST_EVEN, 0);
        }
        NormalizedMatrix matrix = new NormalizedMatrix(parameter, x, part(scalars, 1), scratch, copies(), kernels);
        boolean sinkhorn = projections.equals(List.of(new Projection.Rows(false), new Projection.Columns()));
        for (int round = 0; round < rounds; round++) {
            if (sinkhorn) {
                matrix.balance(Lines.ROWS_THEN_COLUMNS);
            } else {
                projections.forEach(matrix::project);
            }
        }
        matrix.step(part(scalars, 0), rounding);
    }
}
