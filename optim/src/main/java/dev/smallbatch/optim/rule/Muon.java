package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Schedule;

/**
 * Steps by the nearest orthogonal matrix to the moving average of gradients, for hidden matrices alone; tables and vectors
 * need another rule, usually {@link AdamW}. For update k = 1, 2, ...: {@code m = beta m + (1 - beta) g}, and {@code p = p - lr
 * (s O(u) + weightDecay p)}, O being {@link NewtonSchulz}. What u and s are, and what a matrix is, differs in what is published:
 * {@link Average}, {@link Length} and {@link Heads}. A parameter of several (out, in) matrices is orthogonalized one by one. 4
 * bytes of state for each parameter; all parameters together need the room of three copies of the largest one to work in.
 *
 * @param lr learning rate, at which every singular value of a matrix moves
 * @param beta decay of the average
 * @param warmUp updates over which it rises, evenly, to beta: it is {@code firstBeta + (beta - firstBeta) (k - 1) / warmUp} until
 *     then; 0 for none
 * @param firstBeta the decay to begin with, at least 0 and below 1; often 0.85, with 300 updates
 * @param average what is orthogonalized
 * @param length how long a step is
 * @param heads which of attention's weights are a matrix
 * @param weightDecay decoupled, of all tensors of the group
 * @see <a href="https://kellerjordan.github.io/posts/muon/">Jordan et al. 2024</a>
 */
public record Muon(Schedule lr, Decay beta, double warmUp, double firstBeta, Average average, Length length, Heads heads,
        double weightDecay) implements UpdateRule {
    /** Decay of the tables that {@link AdamW} takes care of beside Muon, in the small-batch study. */
    public static final double TABLES_WEIGHT_DECAY = 1e-4;
    private static final double ADAM_SIZE = 0.2;

    /** What is orthogonalized; its length does not matter. */
    public enum Average {
        /** {@code u = m / (1 - beta^k)}: the small-batch study's, and everybody's without Nesterov. */
        PLAIN,
        /** {@code u = beta m + (1 - beta) g}, one step ahead: its authors' and torch's. */
        NESTEROV,
        /** {@code u = beta m / (1 - beta^(k + 1)) + (1 - beta) g / (1 - beta^k)}: optax's. */
        CORRECTED_NESTEROV
    }

    /** The factor s of an orthogonal matrix, (out, in) of which is the matrix' shape. */
    public enum Length {
        /** {@code sqrt(max(1, out / in))}: its authors', torch's and the small-batch study's. */
        TALL,
        /** {@code sqrt(max(1, in / out))}: what optax makes of the same formula, reading matrices the other way round. */
        WIDE,
        /**
         * {@code 0.2 sqrt(max(out, in))}: a root mean square like that of Adam's steps, so that both can have one rate.
         *
         * @see <a href="https://arxiv.org/abs/2502.16982">Liu et al. 2025</a>
         */
        ADAM
    }

    /** Which of attention's weights are a matrix. */
    public enum Heads {
        /** Those of a head's queries, of its keys, of its values, of its results: the small-batch study's. */
        APART,
        /** Those of all heads' queries, of their keys, of their values, of their results: its authors'. */
        TOGETHER
    }

    public Muon {
        if (average == null || length == null || heads == null || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("muon: average " + average + ", length " + length + ", heads " + heads
                    + ", weight decay " + weightDecay + "; there is one of each, and decay is at least 0");
        }
        if (!(warmUp >= 0 && firstBeta >= 0 && firstBeta < 1)) {
            throw new IllegalArgumentException("muon: beta rises from " + firstBeta + " in " + warmUp + " updates; it does from"
                    + " at least 0 and below 1, in at least 0");
        }
    }

    /** With the same beta from the first update, and heads apart. */
    public Muon(Schedule lr, Decay beta, Average average, Length length, double weightDecay) {
        this(lr, beta, 0, 0, average, length, Heads.APART, weightDecay);
    }

    /** As in the small-batch study: without Nesterov and decay. */
    public Muon(Schedule lr, Decay beta) {
        this(lr, beta, Average.PLAIN, Length.TALL, 0);
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        if (parameter.value().shape().rank() < 2) {
            throw new IllegalArgumentException("muon: " + parameter + " is no matrix; put it into a group with another rule");
        }
        return OptimizerState.zeros(parameter, region, "m");
    }

    @Override
    public long scratchSize(Parameter parameter) {
        long size = parameter.value().numel();
        Shape matrix = matrix(parameter);
        return 2 * size + size / matrix.numel() * NewtonSchulz.squaresSize(matrix);
    }

    /** Blocks; together, as many as are a square: queries, keys and values lie below each other, results side by side. */
    private Shape matrix(Parameter parameter) {
        Shape shape = parameter.value().shape();
        Shape block = parameter.block();
        long side = Math.min(shape.rows(), shape.cols());
        Shape square = Shape.of(Math.max(block.rows(), side), Math.max(block.cols(), side));
        boolean divides = shape.rows() % square.rows() == 0 && shape.cols() % square.cols() == 0;
        return heads == Heads.TOGETHER && divides ? square : block;
    }

    @Override
    public int scalarCount() {
        return UpdateKernels.MOMENTUM_SLOTS;
    }

    @Override
    public float[] scalars(StepContext context) {
        long tokens = context.tokensPerStep();
        long k = context.step() + 1;
        double keep = beta(k, tokens);
        double take = k > warmUp ? beta.complement(tokens) : 1 - keep;
        double rate = context.value(lr);
        double correction = 1 / gradientsShare(k, tokens, context.tokens() + tokens);
        if (average == Average.PLAIN) {
            return context.momentum(rate, weightDecay, keep, take, keep * correction, take * correction);
        }
        boolean corrected = average == Average.CORRECTED_NESTEROV;
        double ahead = corrected ? keep / gradientsShare(k + 1, tokens, context.tokens() + 2 * tokens) : keep;
        return context.momentum(rate, weightDecay, keep, take, keep * ahead, take * (ahead + (corrected ? correction : 1)));
    }

    /** The decay of update k = 1, 2, ... */
    private double beta(long k, long tokensPerStep) {
        double last = beta.perStep(tokensPerStep);
        return k > warmUp ? last : firstBeta + (last - firstBeta) * (k - 1) / warmUp;
    }

    /** What of the average, which began at 0, is made of gradients after k updates: 1 less the product of their decays. */
    private double gradientsShare(long k, long tokensPerStep, long tokens) {
        if (warmUp == 0) {
            return beta.complement(tokensPerStep, k, tokens);
        }
        double left = 1;
        long rising = (long) Math.min(k, warmUp);
        for (long i = 1; i <= rising; i++) {
            left *= beta(i, tokensPerStep);
        }
        return 1 - left * (k == rising ? 1 : Math.exp((k - rising) * beta.logPerStep(tokensPerStep)));
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        Shape shape = parameter.value().shape();
        Shape block = matrix(parameter);
        Tensor blocks = scratch.rows(0, shape.numel()).reshape(Shape.of(shape.rows() / block.rows(), shape.cols() / block.cols(),
                block.rows(), block.cols()));
        kernels.update().muonMoment(state.get("m"), blocks, gradient, scalars);
        Tensor stack = blocks.reshape(Shape.of(shape.numel() / block.numel(), block.rows(), block.cols()));
        Tensor orthogonal = NewtonSchulz.QUINTIC.orthogonalize(stack, scratch.rows(shape.numel(), 2 * shape.numel()),
                scratch.rows(2 * shape.numel(), scratch.numel()), kernels).reshape(blocks.shape());
        kernels.update().muonStep(parameter.value(), orthogonal, scalars, (float) size(block), rounding.mode(), rounding.key());
    }

    private double size(Shape block) {
        double ratio = (double) block.rows() / block.cols();
        return switch (length) {
            case TALL -> Math.sqrt(Math.max(1, ratio));
            case WIDE -> Math.sqrt(Math.max(1, 1 / ratio));
            case ADAM -> ADAM_SIZE * Math.sqrt(Math.max(block.rows(), block.cols()));
        };
    }
}
