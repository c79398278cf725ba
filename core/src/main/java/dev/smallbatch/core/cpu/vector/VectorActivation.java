package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.ActivationKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Pointwise nonlinearities; each function stands next to its slope. Every function has loops of its own: a loop that
 * chose among them would merge vectors of several branches, and those are boxed.
 */
final class VectorActivation implements ActivationKernels {
    private static final int L = Lanes.COUNT;
    /** 2 sqrt(2 / pi): gelu-tanh is x sigmoid(2u), 2u = TWO_ROOT (x + CUBE x^3). */
    private static final float TWO_ROOT = 1.5957691f;
    private static final float CUBE = 0.044715f;
    private static final float ROOT_HALF = 0.70710678f;
    /** 1 / sqrt(2 pi). */
    private static final float DENSITY = 0.39894228f;

    private final Chunks chunks;

    VectorActivation(Parallel parallel) {
        this.chunks = new Chunks(parallel);
    }

    @Override
    public void activate(Tensor out, Tensor x, Activation kind) {
        MemorySegment o = out.segment();
        MemorySegment in = x.segment();
        chunks.run(x.numel(), switch (kind) {
            case GELU_TANH -> (from, count) -> geluTanh(o, in, from, count);
            case GELU_ERF -> (from, count) -> geluErf(o, in, from, count);
            case SILU -> (from, count) -> silu(o, in, from, count);
            case RELU_SQUARED -> (from, count) -> reluSquared(o, in, from, count);
        });
    }

    @Override
    public void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation kind) {
        MemorySegment o = dx.segment();
        MemorySegment d = dout.segment();
        MemorySegment in = x.segment();
        chunks.run(x.numel(), switch (kind) {
            case GELU_TANH -> (from, count) -> geluTanhBackward(o, d, in, from, count);
            case GELU_ERF -> (from, count) -> geluErfBackward(o, d, in, from, count);
            case SILU -> (from, count) -> siluBackward(o, d, in, from, count);
            case RELU_SQUARED -> (from, count) -> reluSquaredBackward(o, d, in, from, count);
        });
    }

    /** {@code x sigmoid(2u)}. */
    private static FloatVector geluTanh(FloatVector x) {
        return x.mul(VectorMath.sigmoid(inner(x)));
    }

    /** {@code s + x s (1 - s) (2u)'} with s = sigmoid(2u); 1 - s = sigmoid(-2u), so that nothing cancels. */
    private static FloatVector geluTanhSlope(FloatVector x) {
        FloatVector u = inner(x);
        FloatVector s = VectorMath.sigmoid(u);
        FloatVector slope = x.mul(x).fma(Lanes.all(3 * CUBE * TWO_ROOT), Lanes.all(TWO_ROOT));
        return s.mul(Lanes.all(1).sub(s)).mul(slope).fma(x, s);
    }

    private static FloatVector inner(FloatVector x) {
        return x.mul(x).fma(Lanes.all(CUBE * TWO_ROOT), Lanes.all(TWO_ROOT)).mul(x);
    }

    private static void geluTanh(MemorySegment o, MemorySegment in, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(geluTanh(Lanes.load(in, from + i)), o, from + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(geluTanh(Lanes.load(in, from + i, rest)), o, from + i, rest);
        }
    }

    private static void geluTanhBackward(MemorySegment o, MemorySegment d, MemorySegment in, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(geluTanhSlope(Lanes.load(in, from + i)).mul(Lanes.load(d, from + i)), o, from + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(geluTanhSlope(Lanes.load(in, from + i, rest)).mul(Lanes.load(d, from + i, rest)), o, from + i, rest);
        }
    }

    /** {@code x Phi(x)}, Phi the normal distribution function: for |x|, then mirrored. */
    private static FloatVector geluErf(FloatVector x) {
        return x.mul(normalDistribution(x));
    }

    /** {@code Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi)}. */
    private static FloatVector geluErfSlope(FloatVector x) {
        FloatVector density = VectorMath.exp(x.mul(x).mul(-0.5f)).mul(DENSITY);
        return x.fma(density, normalDistribution(x));
    }

    private static FloatVector normalDistribution(FloatVector x) {
        FloatVector z = x.abs().mul(ROOT_HALF);
        FloatVector upper = VectorMath.erfOfPositive(z, VectorMath.exp(z.mul(z).neg())).fma(Lanes.all(0.5f), Lanes.all(0.5f));
        return upper.blend(Lanes.all(1).sub(upper), x.compare(VectorOperators.LT, 0));
    }

    private static void geluErf(MemorySegment o, MemorySegment in, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(geluErf(Lanes.load(in, from + i)), o, from + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(geluErf(Lanes.load(in, from + i, rest)), o, from + i, rest);
        }
    }

    private static void geluErfBackward(MemorySegment o, MemorySegment d, MemorySegment in, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(geluErfSlope(Lanes.load(in, from + i)).mul(Lanes.load(d, from + i)), o, from + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(geluErfSlope(Lanes.load(in, from + i, rest)).mul(Lanes.load(d, from + i, rest)), o, from + i, rest);
        }
    }

    /** {@code x sigmoid(x)}. */
    private static FloatVector silu(FloatVector x) {
        return x.mul(VectorMath.sigmoid(x));
    }

    /** {@code s (1 + x (1 - s))} with s = sigmoid(x). */
    private static FloatVector siluSlope(FloatVector x) {
        FloatVector s = VectorMath.sigmoid(x);
        return s.mul(Lanes.all(1).sub(s)).fma(x, s);
    }

    private static void silu(MemorySegment o, MemorySegment in, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(silu(Lanes.load(in, from + i)), o, from + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(silu(Lanes.load(in, from + i, rest)), o, from + i, rest);
        }
    }

    private static void siluBackward(MemorySegment o, MemorySegment d, MemorySegment in, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(siluSlope(Lanes.load(in, from + i)).mul(Lanes.load(d, from + i)), o, from + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(siluSlope(Lanes.load(in, from + i, rest)).mul(Lanes.load(d, from + i, rest)), o, from + i, rest);
        }
    }

    /** {@code max(0, x)^2}. */
    private static FloatVector reluSquared(FloatVector x) {
        FloatVector positive = x.blend(0, x.compare(VectorOperators.LT, 0));
        return positive.mul(positive);
    }

    /** {@code 2 max(0, x)}. */
    private static FloatVector reluSquaredSlope(FloatVector x) {
        return x.add(x).blend(0, x.compare(VectorOperators.LT, 0));
    }

    private static void reluSquared(MemorySegment o, MemorySegment in, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(reluSquared(Lanes.load(in, from + i)), o, from + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(reluSquared(Lanes.load(in, from + i, rest)), o, from + i, rest);
        }
    }

    private static void reluSquaredBackward(MemorySegment o, MemorySegment d, MemorySegment in, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(reluSquaredSlope(Lanes.load(in, from + i)).mul(Lanes.load(d, from + i)), o, from + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            Lanes.store(reluSquaredSlope(Lanes.load(in, from + i, rest)).mul(Lanes.load(d, from + i, rest)), o, from + i, rest);
        }
    }
}
