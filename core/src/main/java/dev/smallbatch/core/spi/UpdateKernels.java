package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/**
 * Optimizer updates, each one pass over the parameter, its gradient and its state where the formula allows it. The numbers of
 * a step come in a small tensor {@code s}, so that a recorded step can be replayed with other numbers; the constants name its
 * slots. In every formula {@code h = scale g}, and state on the right of an equals sign is the old one.
 *
 * <p>The parameter may be BF16; gradient, state and arithmetic are F32. The new value is computed in float from the widened
 * old one and rounded as it is written: to nearest even, or at random as {@link ElementwiseKernels#convert} does. The random
 * bits of element i are {@code Philox.half(new RandomKey(key).at(step).bits(), i)}, where {@code key} is the parameter's own,
 * the same in every step, and {@code step} is the {@link StepNumber} in {@code s}: a function of the two and of i alone.
 * Rounding, key and step number do nothing to an F32 parameter.
 *
 * <p>Some updates see a parameter (R, C) as a grid of blocks, for example one for each attention head. State says how: with
 * I rows and J columns of blocks, R/I by C/J each.
 */
public interface UpdateKernels {
    /** Slot of the learning rate in {@code s}, for every rule. */
    int LEARNING_RATE = 0;
    /** Slot of the factor of the gradient (clipping, accumulation), for every rule. */
    int GRADIENT_SCALE = 1;
    /** Slot of {@code learningRate * weightDecay}, for every rule. */
    int DECAY = 2;
    /** Slot of the lower 32 bits of the {@link StepNumber}, for every rule. */
    int STEP_LOW = 3;
    /** Slot of its upper 32 bits, for every rule. */
    int STEP_HIGH = 4;
    /** All but AdamW: slot of the factor of the old state in the new one. */
    int KEEP = 5;
    /** All but AdamW: slot of the factor of the gradient, or of its square, in the new state. */
    int TAKE = 6;
    /** SGD, sign, Muon, Sophia: slot of the factor of the old moment in the step. */
    int STEP_KEEP = 7;
    /** SGD, sign, Muon, Sophia: slot of the factor of the gradient in the step. */
    int STEP_TAKE = 8;
    /** SGD, sign, Muon: number of slots. */
    int MOMENTUM_SLOTS = 9;
    /** Sophia: slot of the factor of the curvature that the step is divided by. */
    int GAMMA = 9;
    /** Sophia: slot of the least number that the step is divided by. */
    int SOPHIA_EPSILON = 10;
    /** Sophia: number of slots. */
    int SOPHIA_SLOTS = 11;
    /** Root: slot of epsilon. */
    int ROOT_EPSILON = 7;
    /** Root: number of slots. */
    int ROOT_SLOTS = 8;
    /** Adafactor: slot of what is added to squared gradients, so that none of their means is 0. */
    int SQUARE_ADDED = 7;
    /** Adafactor: slot of the least root of a second moment that a step is divided by, and of the least mean of row means. */
    int LEAST_ROOT = 8;
    /** Adafactor: slot of the smallest size of a parameter that its steps are measured by. */
    int SMALLEST_SCALE = 9;
    /** Adafactor: slot of the size above which steps are shortened. */
    int LARGEST_STEP = 10;
    /** Adafactor: number of slots. */
    int ADAFACTOR_SLOTS = 11;
    /** AdamW: slot of beta1. */
    int BETA1 = 5;
    /** AdamW: slot of {@code 1 - beta1}, computed in double. */
    int ONE_MINUS_BETA1 = 6;
    /** AdamW: slot of beta2. */
    int BETA2 = 7;
    /** AdamW: slot of {@code 1 - beta2}, computed in double. */
    int ONE_MINUS_BETA2 = 8;
    /** AdamW: slot of the factor of the moment in the step, {@code 1 / (1 - beta1^k)} of AdamW itself, computed in double. */
    int CORRECTION1 = 9;
    /** AdamW: slot of the factor of the root, {@code 1 / sqrt(1 - beta2^k)} of AdamW itself, computed in double. */
    int CORRECTION2_ROOT = 10;
    /** AdamW: slot of epsilon. */
    int EPSILON = 11;
    /** AdamW: slot of the factor of the gradient in the step; 0 of AdamW itself. */
    int GRADIENT_SHARE = 12;
    /** AdamW: slot of 1 if squares of the gradient's distance from the new moment are averaged; 0 of AdamW itself. */
    int CENTRED = 13;
    /** AdamW: slot of what is added to v as it is stored; 0 of AdamW itself. */
    int SQUARE_EPSILON = 14;
    /** AdamW: number of slots. */
    int ADAMW_SLOTS = 15;
    /** Schedule-free: slot of the factor of the old second moment in the new one. */
    int SECOND_KEEP = 9;
    /** Schedule-free: slot of the factor of the square of the gradient in the second moment. */
    int SECOND_TAKE = 10;
    /** Schedule-free: slot of the factor of the root. */
    int SECOND_ROOT = 11;
    /** Schedule-free: slot of epsilon. */
    int SECOND_EPSILON = 12;
    /** Schedule-free: number of slots. */
    int SCHEDULE_FREE_SLOTS = 13;

    /** Muon: added to the norm of a block. */
    float NORM_EPSILON = 1e-8f;

    /**
     * Stochastic gradient descent with decoupled weight decay and optional momentum, heavy-ball or Nesterov by its factors:
     * {@code u = stepKeep m + stepTake h}, {@code m = keep m + take h}, without moment {@code u = h};
     * {@code p = p - decay p - learningRate u}.
     *
     * <pre>
     * p  any shape             accumulated; F32 or BF16
     * m  as p                  accumulated; null means no moment
     * g  as p                  read
     * s  ({@link #MOMENTUM_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key);

    /**
     * As {@link #sgdStep}, but by the sign of u, which is 0 for 0: {@code p = p - decay p - learningRate sign(u)}.
     *
     * <pre>
     * p  any shape             accumulated; F32 or BF16
     * m  as p                  accumulated; null means no moment
     * g  as p                  read
     * s  ({@link #MOMENTUM_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void signStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key);

    /**
     * Gradients over the root of their accumulated squares, as AdaGrad and RMSProp have it:
     * {@code v = keep v + take h^2}, {@code p = p - decay p - learningRate h / (sqrt(v) + epsilon)}, v being the new one.
     *
     * <pre>
     * p  any shape         accumulated; F32 or BF16
     * v  as p              accumulated
     * g  as p              read
     * s  ({@link #ROOT_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void rootStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key);

    /**
     * Adam with decoupled weight decay, and what differs from it by factors: a share of the gradient in the step (NAdam),
     * squares around the moment (AdaBelief), steps without the root (RAdam's first, where correction2Root is 0 and epsilon 1).
     * {@code m = beta1 m + (1 - beta1) h}, {@code v = beta2 v + (1 - beta2) (h - centred m)^2 + squareEpsilon},
     * {@code p = p - decay p - learningRate (m correction1 + h gradientShare) / (sqrt(v) correction2Root + epsilon)}, m and v
     * being the new ones but in their own sums.
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

    /**
     * Schedule-free SGD or Adam: p is where gradients are taken, {@code p - m} the average of all iterates, which is what is
     * learned. {@code v = secondKeep v + secondTake h^2}, {@code q = h / (sqrt(v) secondRoot + secondEpsilon)} with the new v,
     * without v {@code q = h}; {@code w = learningRate q + decay p}, {@code y = p + stepKeep m - stepTake w},
     * {@code m = keep m - take w}.
     *
     * <p>Last {@code p = (y - m) + m} with the new m, where y and both results are rounded to the type of p, to nearest even
     * but y as {@code rounding} says. This changes p by no more than a rounding, and from here on subtracting m and adding it
     * again returns every bit of p: {@code ((p - m) + m)} is p for such p.
     *
     * <pre>
     * p  any shape           accumulated; F32 or BF16
     * m  as p                accumulated
     * v  as p                accumulated; null means no second moment
     * g  as p                read
     * s  ({@link #SCHEDULE_FREE_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     * @see <a href="https://arxiv.org/abs/2405.15682">Defazio et al. 2024, algorithm 1</a>
     * @see <a href="https://www-cs-faculty.stanford.edu/~knuth/taocp.html">Knuth, volume 2, 4.2.2, theorem D: why p returns</a>
     */
    void scheduleFreeStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key);

    /**
     * Sophia, steps over a curvature and clipped: {@code u = (stepKeep m + stepTake h) / max(gamma c, epsilon)},
     * {@code m = keep m + take h}, {@code p = p - decay p - learningRate max(-1, min(1, u))}.
     *
     * <pre>
     * p  any shape            accumulated; F32 or BF16
     * m  as p                 accumulated
     * c  as p                 read; may be negative
     * g  as p                 read
     * s  ({@link #SOPHIA_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     * @see <a href="https://arxiv.org/abs/2305.14342">Liu et al. 2023, algorithm 3</a>
     */
    void sophiaStep(Tensor p, Tensor m, Tensor c, Tensor g, Tensor s, Rounding rounding, long key);

    /**
     * Adafactor with the whole second moment, for what is too small to factor. With {@code S = h^2 + squareAdded}:
     * {@code v = keep v + take S}, {@code u = h / max(sqrt(v), leastRoot)},
     * {@code p = p - decay p - learningRate max(rms(p), smallestScale) u / max(1, rms(u) / largestStep)}. {@code rms} is the
     * root of the mean square over all elements, summed in double over fixed tiles; p on the right is the old one everywhere.
     *
     * <pre>
     * p  any shape              accumulated; F32 or BF16
     * v  as p                   accumulated
     * g  as p                   read
     * s  ({@link #ADAFACTOR_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void adafactorStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key);

    /**
     * Adafactor with the second moment of every block factored. As {@link #adafactorStep}, but of each block the means of S
     * along its rows and columns are kept, {@code r = keep r + take rowMeans(S)}, {@code c = keep c + take columnMeans(S)},
     * and with its elements x, y:
     * {@code u[x, y] = h[x, y] / max(sqrt(r[x] / max(mean(r), leastRoot)) sqrt(c[y]), leastRoot)}, the mean being over the block.
     *
     * <pre>
     * p  (R, C)                 accumulated; F32 or BF16
     * r  (R, J)                 accumulated; J divides C
     * c  (I, C)                 accumulated; I divides R
     * g  (R, C)                 read
     * s  ({@link #ADAFACTOR_SLOTS})  read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     * @see <a href="https://arxiv.org/abs/1804.04235">Shazeer and Stern 2018</a>
     */
    void factoredAdafactorStep(Tensor p, Tensor r, Tensor c, Tensor g, Tensor s, Rounding rounding, long key);

    /**
     * The first half of a Muon update: {@code u = stepKeep m + stepTake h}, {@code m = keep m + take h}; x is u block by
     * block, each divided by its Euclidean norm plus {@link #NORM_EPSILON}.
     *
     * <pre>
     * m  (R, C)                 accumulated
     * x  (I, J, R / I, C / J)   written
     * g  (R, C)                 read
     * s  ({@link #MOMENTUM_SLOTS})   read
     * </pre>
     */
    void muonMoment(Tensor m, Tensor x, Tensor g, Tensor s);

    /**
     * The second half of a Muon update, in which x is orthogonal block by block:
     * {@code p = p - decay p - learningRate factor x}.
     *
     * <pre>
     * p  (R, C)                 accumulated; F32 or BF16
     * x  (I, J, R / I, C / J)   read
     * s  ({@link #MOMENTUM_SLOTS})   read
     * </pre>
     *
     * @param factor of the parameter's shape
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void muonStep(Tensor p, Tensor x, Tensor s, float factor, Rounding rounding, long key);

    /** What {@link #balance} brings to a root mean square of 1. */
    enum Lines {
        /** Every row of a block. */
        ROWS,
        /** Every column of a block. */
        COLUMNS,
        /** Every row, then every column of what the rows have become. */
        ROWS_THEN_COLUMNS
    }

    /**
     * Normalizes the rows and columns of every block of {@code X = r x c}, which is not stored: element x, y of a block is
     * {@code r[x] x[x, y] c[y]}, so that dividing a line by its root mean square changes one number. {@code r = r / max(rms,
     * floor)} for every row, {@code c = c / max(rms, floor)} for every column; factors of lines of nothing but zeros stay. One
     * pass over x. Sums run over fixed tiles; those of rows, and those of tiles, are added in double.
     *
     * <pre>
     * r  (R, J)   read if columns alone are normalized, else accumulated; J divides C
     * c  (I, C)   read if rows alone are normalized, else accumulated; I divides R
     * x  (R, C)   read
     * </pre>
     *
     * @param floor smallest root mean square that is divided by; positive
     */
    void balance(Tensor r, Tensor c, Tensor x, Lines lines, float floor);

    /**
     * A step by a matrix with a factor for each row and column of its blocks: {@code p = p - decay p - learningRate r x c}.
     *
     * <pre>
     * p  (R, C)                      accumulated; F32 or BF16
     * r  (R, J)                      read; J divides C
     * c  (I, C)                      read; I divides R
     * x  (R, C)                      read
     * s  ({@link #MOMENTUM_SLOTS})   read
     * </pre>
     *
     * @param rounding of a BF16 parameter
     * @param key of its random bits; ignored for {@link Rounding#NEAREST_EVEN}
     */
    void balancedStep(Tensor p, Tensor r, Tensor c, Tensor x, Tensor s, Rounding rounding, long key);
}
