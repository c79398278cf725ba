package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/**
 * Optimizer updates, each one pass over the parameter, its gradient and its state. The numbers of a step come in a small
 * tensor {@code s}, so that a recorded step can be replayed with other numbers; the constants name its slots.
 */
public interface UpdateKernels {
    /** Slot of the learning rate in {@code s}, for both rules. */
    int LEARNING_RATE = 0;
    /** Slot of the factor of the gradient (clipping, accumulation), for both rules. */
    int GRADIENT_SCALE = 1;
    /** Slot of {@code learningRate * weightDecay}, for both rules. */
    int DECAY = 2;
    /** SGD: slot of the momentum. */
    int MOMENTUM = 3;
    /** SGD: number of slots. */
    int SGD_SLOTS = 4;
    /** AdamW: slot of beta1. */
    int BETA1 = 3;
    /** AdamW: slot of {@code 1 - beta1}, computed in double. */
    int ONE_MINUS_BETA1 = 4;
    /** AdamW: slot of beta2. */
    int BETA2 = 5;
    /** AdamW: slot of {@code 1 - beta2}, computed in double. */
    int ONE_MINUS_BETA2 = 6;
    /** AdamW: slot of {@code 1 / (1 - beta1^k)}, computed in double. */
    int CORRECTION1 = 7;
    /** AdamW: slot of {@code 1 / sqrt(1 - beta2^k)}, computed in double. */
    int CORRECTION2_ROOT = 8;
    /** AdamW: slot of epsilon. */
    int EPSILON = 9;
    /** AdamW: number of slots. */
    int ADAMW_SLOTS = 10;

    /**
     * Stochastic gradient descent with optional heavy-ball momentum and decoupled weight decay. With {@code h = scale g}:
     * {@code m = momentum m + h} (or {@code m = h} without momentum), {@code p = p - decay p - learningRate m}.
     *
     * <pre>
     * p  any shape         accumulated
     * m  as p              accumulated; null means no momentum
     * g  as p              read
     * s  ({@link #SGD_SLOTS})  read
     * </pre>
     */
    void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s);

    /**
     * Adam with decoupled weight decay. With {@code h = scale g}: {@code m = beta1 m + (1 - beta1) h},
     * {@code v = beta2 v + (1 - beta2) h^2},
     * {@code p = p - decay p - learningRate (m correction1) / (sqrt(v) correction2Root + epsilon)},
     * p on the right being the old one.
     *
     * <pre>
     * p  any shape           accumulated
     * m  as p                accumulated
     * v  as p                accumulated
     * g  as p                read
     * s  ({@link #ADAMW_SLOTS})  read
     * </pre>
     *
     * @see <a href="https://arxiv.org/abs/1711.05101">Loshchilov and Hutter 2019, algorithm 2</a>
     */
    void adamWStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s);
}
