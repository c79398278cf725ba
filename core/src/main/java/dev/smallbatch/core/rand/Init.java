package dev.smallbatch.core.rand;

import dev.smallbatch.core.tensor.BFloat16;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.ValueLayout;

/**
 * How a parameter starts. An element depends on the key and its row-major index only, never on shape, order or thread. Values
 * are rounded to float, and in a BF16 tensor from there to the nearest, ties to even.
 */
public sealed interface Init {

    /**
     * Writes every element of {@code tensor}; a tensor that only plans memory is left alone.
     *
     * @throws ShapeException if the tensor is neither F32 nor BF16
     */
    void fill(Tensor tensor, RandomKey key);

    /** All zeros; the key is not used. */
    record Zeros() implements Init {
        @Override
        public void fill(Tensor tensor, RandomKey key) {
            if (hasMemory(tensor)) {
                tensor.segment().fill((byte) 0);
            }
        }
    }

    /** All ones; the key is not used. */
    record Ones() implements Init {
        @Override
        public void fill(Tensor tensor, RandomKey key) {
            if (hasMemory(tensor)) {
                for (long i = 0; i < tensor.numel(); i++) {
                    set(tensor, i, 1);
                }
            }
        }
    }

    /**
     * Element i is {@code std * key.normal(i)}, untruncated, rounded to float.
     *
     * @param std standard deviation, finite, at least 0
     */
    record Normal(double std) implements Init {
        public Normal {
            requireScale("normal initializer: std", std);
        }

        @Override
        public void fill(Tensor tensor, RandomKey key) {
            if (!hasMemory(tensor)) {
                return;
            }
            long numel = tensor.numel();
            int[] words = new int[4];
            double[] normals = new double[4];
            for (long i = 0; i < numel; i += 4) {
                Philox.block(key.bits(), i >>> 2, words);
                BoxMuller.fourNormals(words, normals);
                int count = (int) Math.min(4, numel - i);
                for (int j = 0; j < count; j++) {
                    set(tensor, i + j, std * normals[j]);
                }
            }
        }
    }

    /**
     * Element i is {@code bound * (2 (w + 1/2) / 2^32 - 1)}, w being the key's word i, rounded to float: symmetric around 0,
     * in [-bound, bound].
     *
     * @param bound largest magnitude, finite, at least 0
     */
    record Uniform(double bound) implements Init {
        public Uniform {
            requireScale("uniform initializer: bound", bound);
        }

        @Override
        public void fill(Tensor tensor, RandomKey key) {
            if (!hasMemory(tensor)) {
                return;
            }
            long numel = tensor.numel();
            int[] words = new int[4];
            for (long i = 0; i < numel; i += 4) {
                Philox.block(key.bits(), i >>> 2, words);
                int count = (int) Math.min(4, numel - i);
                for (int j = 0; j < count; j++) {
                    double centred = (Integer.toUnsignedLong(words[j]) + 0.5) * 0x1p-31 - 1;
                    set(tensor, i + j, bound * centred);
                }
            }
        }
    }

    private static boolean hasMemory(Tensor tensor) {
        if (tensor.dtype() != DType.F32 && tensor.dtype() != DType.BF16) {
            throw new ShapeException("init: tensor is " + tensor + ", initializers write F32 and BF16");
        }
        return !tensor.isPlanned();
    }

    private static void set(Tensor tensor, long i, double value) {
        if (tensor.dtype() == DType.BF16) {
            tensor.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, BFloat16.nearestEven((float) value));
        } else {
            tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value);
        }
    }

    private static void requireScale(String what, double scale) {
        if (!(scale >= 0 && scale <= Double.MAX_VALUE)) {
            throw new IllegalArgumentException(what + " is " + scale + ", must be finite and at least 0");
        }
    }
}
