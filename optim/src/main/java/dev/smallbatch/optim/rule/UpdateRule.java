package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.Optional;

/**
 * How one parameter changes in one step. Order within an update, for every rule: the gradient is scaled (clipping), the
 * rule makes a direction of it, decoupled weight decay acts on the old parameter, the learning rate scales both.
 *
 * <p>A rule is a value without mutable state: what changes lives in the {@link OptimizerState} and in the step number.
 */
public interface UpdateRule {
    /**
     * Allocates what the rule remembers of a parameter.
     *
     * @param region owns the tensors; may only count (see {@link Region#counting})
     */
    OptimizerState init(Parameter parameter, Region region);

    /** F32 elements that {@link #update} needs to work in; the optimizer shares one piece among all parameters. */
    default long scratchSize(Parameter parameter) {
        return 0;
    }

    /** Length of {@link #scalars}, the same for every step. */
    int scalarCount();

    /** The numbers of a step, its own among them, computed in double and rounded once, in the slots of the rule's kernel. */
    float[] scalars(StepContext context);

    /**
     * What comes right before {@link #update} and is more than the same calls of kernels every time: what reads numbers, draws
     * random ones, or is done now and then. Most rules have nothing of that.
     *
     * @param gradient of the parameter's shape, read
     * @param scratch that of the update, with undefined contents
     */
    default void prepare(Parameter parameter, Tensor gradient, OptimizerState state, StepContext context, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {}

    /**
     * Changes the parameter and its state in place. It calls kernels and reads nothing itself, so that its calls can be recorded
     * in one step and replayed in others, after {@link #prepare} and with their numbers in {@code scalars}; all but those of a
     * {@link WeightAverage}, which is not made in every step.
     *
     * @param gradient of the parameter's shape, read
     * @param scalars {@link #scalars} of this step, in native memory
     * @param scratch at least {@link #scratchSize} elements, as {@link #prepare} leaves them; null if it needs none
     * @param rounding of the parameter, if it is BF16
     */
    void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels);

    /** The schedule of the learning rate. */
    Schedule lr();

    /**
     * Whether {@link StepContext#gradientNorm} is used: no parameter can then be updated before all gradients are known, so
     * they are kept, and updates inside backward are refused.
     */
    default boolean needsAllGradients() {
        return false;
    }

    /** The rule as one that is told of the loss's curvature, if it wants to be. */
    default Optional<CurvatureRule> curvature() {
        return Optional.empty();
    }

    /** Whether the weights to evaluate and to export are others than those to train. */
    default boolean hasEvaluationWeights() {
        return false;
    }

    /** Puts the weights to evaluate in the place of those to train; loses nothing that {@link #toTraining} needs. */
    default void toEvaluation(Parameter parameter, OptimizerState state, Kernels kernels) {}

    /** Undoes {@link #toEvaluation}: every bit of the parameter and its state is as before. */
    default void toTraining(Parameter parameter, OptimizerState state, Kernels kernels) {}
}
