package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Elementwise operations, the one reduction that logs and clipping need, and a limit by it. */
public interface ElementwiseKernels {
    /** {@code out = value}. <pre>out  any shape  written</pre> */
    void fill(Tensor out, float value);

    /**
     * Copies and changes the element type: F32 to F32, F32 to BF16, BF16 to F32, F16 to F32.
     *
     * <pre>
     * out  any shape  written
     * in   as out     read
     * </pre>
     *
     * Stochastic rounding applies to F32 to BF16 alone: 16 random bits r of element i are added to the float's 32 bits
     * and the upper 16 are kept; NaN and infinity pass unchanged. The bits are {@code Philox.half(key, i)}, see
     * {@link dev.smallbatch.core.rand.Philox#half}.
     *
     * @param key of the random bits; ignored for {@link Rounding#NEAREST_EVEN}
     * @throws dev.smallbatch.core.tensor.ShapeException if the pair of types is none of the four
     */
    void convert(Tensor out, Tensor in, Rounding rounding, long key);

    /** {@code y += a * x}, rounded once to float, from there to nearest even. <pre>y  any shape  accumulated; F32 or BF16
     * x  as y       read</pre> */
    void axpy(Tensor y, float a, Tensor x);

    /** {@code y += a * (x - y)}: a moving average. <pre>y  any shape  accumulated
     * x  as y       read; F32 or BF16</pre> */
    void lerp(Tensor y, float a, Tensor x);

    /**
     * Exchanges the values of a and b, without memory of its own; a second call restores every bit of both. If a is BF16 it
     * gets b rounded to nearest, ties away from zero, and b the bits that make that possible, which as a float mean nothing:
     * of b's 32 bits the lower half stays, and with c the highest of those, the upper half is exchanged with a as
     * {@code a = upper + c}, {@code upper = a - c}.
     *
     * <pre>
     * a  any shape  accumulated; F32 or BF16
     * b  as a       accumulated
     * </pre>
     */
    void exchange(Tensor a, Tensor b);

    /** {@code y = keep y + factor a b}. <pre>y  any shape  accumulated
     * a  as y       read
     * b  as y       read; may be a</pre> */
    void addProduct(Tensor y, float keep, float factor, Tensor a, Tensor b);

    /** {@code out = a + b}. <pre>out  any shape  written; may be a or b
     * a    as out     read
     * b    as out     read</pre> */
    void add(Tensor out, Tensor a, Tensor b);

    /**
     * {@code result = sum of x^2}.
     *
     * <pre>
     * result  (1)        written
     * x       any shape  read; F32 or BF16
     * </pre>
     *
     * Accumulated in double over fixed tiles, added in ascending order, rounded to float once.
     */
    void sumOfSquares(Tensor result, Tensor x);

    /**
     * Shortens x to at most {@code growth} times the length that x had last: {@code l = sqrt(sum of x^2)},
     * {@code f = min(1, growth length / l)}, {@code x = f x}, {@code length = f l}; f is 1 if length or l is 0.
     *
     * <pre>
     * x       any shape  accumulated
     * length  (1)        accumulated; 0 in the beginning
     * </pre>
     *
     * The sum is that of {@link #sumOfSquares}.
     */
    void limitGrowth(Tensor x, Tensor length, float growth);
}
