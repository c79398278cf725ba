package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/**
 * Optimizer updates, each one pass over the parameter, its gradient and its state. The numbers of a step come in a small
 * tensor {@code s}, so that a recorded step can be replayed with other numbers; the constants name its slots.
 *
 * <p>The parameter may be BF16; gradient, state and arithmetic are F32. The new value is computed in float from the widened
 * old one and rounded as it is written: to nearest even, or at random as {@link ElementwiseKernels#convert} does. The random
 * bits of element i are {@code Philox.half(new RandomKey(key).at(step).bits(), i)}, where {@code key} is the parameter's own,
 * the same in every step, and {@code step} is the {@link StepNumber} in {@code s}: a function of the two and of i alone.
 * Rounding, key and step number do nothing to an F32 parameter.
 */
public interface UpdateKernels {
    /** Slot of the learning rate in {@code s}, for both rules. */
    int LEARNING_RATE = 0;
    /** Slot of the factor of the gradient (clipping, accumulation), for both rules. */
    int GRADIENT_SCALE = 1;
    /** Slot of {@code learningRate * weightDecay}, for both rules. */
    int DECAY = 2;
    /** Slot of the lower 32 bits of the {@link StepNumber}, for both rules. */
    int STEP_LOW = 3;
    /** Slot of its upper 32 bits, for both rules. */
    int STEP_HIGH = 4;
    /** SGD: slot of the momentum. */
    int MOMENTUM = 5;
    /** SGD: number of slots. */
    int SGD_SLOTS = 6;
    /** AdamW: slot of beta1. */
    int BETA1 = 5;
    /** AdamW: slot of {@code 1 - beta1}, computed in double. */
    int ONE_MINUS_BETA1 = 6;
    /** AdamW: slot of beta2. */
    int BETA2 = 7;
    /** AdamW: slot of {@code 1 - beta2}, computed in double. */
    int ONE_MINUS_BETA2 = 8;
    /** AdamW: slot of {@code 1 / (1 - beta1^k)}, computed in double. */
    int CORRECTION1 = 9;
    /** AdamW: slot of {@code 1 / sqrt(1 - beta2^k)}, computed in double. */
    int CORRECTION2_ROOT = 10;
    /** AdamW: slot of epsilon. */
    int EPSILON = 11;
    /** AdamW: number of slots. */
    int ADAMW_SLOTS = 12;

    /**
     * Stochastic gradient descent with optional heavy-ball momentum and decoupled weight decay. With {@code h = scale g}:
     * {@code m = momentum m + h} (or {@code m = h} without momentum), {@code p = p - decay p - learningRate m}.
     *
     * <pre>
     * p  any shape         accumulated; F32 or BF16
     * m  as p              accumulated; null means no momentum
     * g  as p              read
     * s  ({@link #SGD_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key);

    /**
     * Adam with decoupled weight decay. With {@code h = scale g}: {@code m = beta1 m + (1 - beta1) h},
     * {@code v = beta2 v + (1 - beta2) h^2},
     * {@code p = p - decay p - learningRate (m correction1) / (sqrt(v) correction2Root + epsilon)},
     * p on the right being the old one.
     *
     * <pre>
     * p  any shape           accumulated; F32 or BF16
     * m  as p                accumulated
     * v  as p                accumulated
     * g  as p                read
     * s  ({@link #ADAMW_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     * @see <a href="https://arxiv.org/abs/1711.05101">Loshchilov and Hutter 2019, algorithm 2</a>
     */
    void adamWStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key);
}
