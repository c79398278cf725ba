package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.StepNumber;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Optimizer updates element by element: one pass over parameter, gradient and state, bound by memory. */
final class VectorUpdate implements UpdateKernels {
    private static final int L = Lanes.COUNT;

    private final WeightBlocks weights;
    private final VectorAdafactor adafactor;
    private final VectorMuon muon;
    private final VectorBalance balance;

    VectorUpdate(Parallel parallel, WeightBlocks weights, VectorElementwise elementwise) {
        this.weights = weights;
        this.adafactor = new VectorAdafactor(parallel, weights, elementwise);
        this.muon = new VectorMuon(parallel, weights);
        this.balance = new VectorBalance(parallel, weights);
    }

    @Override
    public void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {
        MemorySegment gradients = g.segment();
        float rate = slot(s, LEARNING_RATE);
        float keep = 1 - slot(s, DECAY);
        if (m == null) {
            float scaled = rate * slot(s, GRADIENT_SCALE);
            weights.update(p, rounding, keyOfStep(key, s), (values, at, from, count) ->
                    step(values, at, gradients, from, scaled, keep, count));
        } else {
            weights.update(p, rounding, keyOfStep(key, s), sgd(m.segment(), gradients, s));
        }
    }

    /** With a moment. Moment and gradient have the same indices, those of the parameter or others; so in all that follow. */
    static WeightBlocks.Body sgd(MemorySegment m, MemorySegment g, Tensor s) {
        Momentum momentum = new Momentum(m, g, s);
        float rate = slot(s, LEARNING_RATE);
        float keep = 1 - slot(s, DECAY);
        return (values, at, from, count) -> momentum.step(values, at, from, count, rate, keep);
    }

    /** {@code p = keep p - rate x}. */
    static void step(MemorySegment p, long at, MemorySegment x, long from, float rate, float keep, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(Lanes.load(x, from + i).fma(Lanes.all(-rate), Lanes.load(p, at + i).mul(keep)), p, at + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            FloatVector old = Lanes.load(p, at + i, rest).mul(keep);
            Lanes.store(Lanes.load(x, from + i, rest).fma(Lanes.all(-rate), old), p, at + i, rest);
        }
    }

    @Override
    public void signStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {
        MemorySegment gradients = g.segment();
        float rate = slot(s, LEARNING_RATE);
        float keep = 1 - slot(s, DECAY);
        if (m == null) {
            float scale = slot(s, GRADIENT_SCALE);
            weights.update(p, rounding, keyOfStep(key, s), (values, at, from, count) ->
                    signStep(values, at, gradients, from, scale, rate, keep, count));
        } else {
            weights.update(p, rounding, keyOfStep(key, s), sign(m.segment(), gradients, s));
        }
    }

    static WeightBlocks.Body sign(MemorySegment m, MemorySegment g, Tensor s) {
        Momentum momentum = new Momentum(m, g, s);
        float rate = slot(s, LEARNING_RATE);
        float keep = 1 - slot(s, DECAY);
        return (values, at, from, count) -> momentum.signStep(values, at, from, count, rate, keep);
    }

    private static void signStep(MemorySegment p, long at, MemorySegment x, long from, float scale, float rate, float keep,
            int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector sign = sign(Lanes.load(x, from + i).mul(scale));
            Lanes.store(sign.fma(Lanes.all(-rate), Lanes.load(p, at + i).mul(keep)), p, at + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Lanes.first(count - i);
            FloatVector sign = sign(Lanes.load(x, from + i, rest).mul(scale));
            Lanes.store(sign.fma(Lanes.all(-rate), Lanes.load(p, at + i, rest).mul(keep)), p, at + i, rest);
        }
    }

    /** 1, -1, 0 or NaN. */
    private static FloatVector sign(FloatVector u) {
        return u.blend(1, u.compare(VectorOperators.GT, 0)).blend(-1, u.compare(VectorOperators.LT, 0));
    }

    /** A moment and the gradient that moves it: {@code u = stepKeep m + stepTake h}, {@code m = keep m + take h}. */
    record Momentum(MemorySegment m, MemorySegment g, float keep, float take, float stepKeep, float stepTake) {
        Momentum(MemorySegment m, MemorySegment g, Tensor s) {
            this(m, g, slot(s, KEEP), slot(s, TAKE) * slot(s, GRADIENT_SCALE), slot(s, STEP_KEEP),
                    slot(s, STEP_TAKE) * slot(s, GRADIENT_SCALE));
        }

        /** Moves the moment and returns u. */
        FloatVector move(long at) {
            FloatVector gradient = Lanes.load(g, at);
            FloatVector moment = Lanes.load(m, at);
            Lanes.store(moment.fma(Lanes.all(keep), gradient.mul(take)), m, at);
            return moment.fma(Lanes.all(stepKeep), gradient.mul(stepTake));
        }

        FloatVector move(long at, VectorMask<Float> lanes) {
            FloatVector gradient = Lanes.load(g, at, lanes);
            FloatVector moment = Lanes.load(m, at, lanes);
            Lanes.store(moment.fma(Lanes.all(keep), gradient.mul(take)), m, at, lanes);
            return moment.fma(Lanes.all(stepKeep), gradient.mul(stepTake));
        }

        void step(MemorySegment p, long at, long from, int count, float rate, float keepOfP) {
            int i = 0;
            for (; i + L <= count; i += L) {
                Lanes.store(move(from + i).fma(Lanes.all(-rate), Lanes.load(p, at + i).mul(keepOfP)), p, at + i);
            }
            if (i < count) {
                VectorMask<Float> rest = Lanes.first(count - i);
                FloatVector old = Lanes.load(p, at + i, rest).mul(keepOfP);
                Lanes.store(move(from + i, rest).fma(Lanes.all(-rate), old), p, at + i, rest);
            }
        }

        void signStep(MemorySegment p, long at, long from, int count, float rate, float keepOfP) {
            int i = 0;
            for (; i + L <= count; i += L) {
                Lanes.store(sign(move(from + i)).fma(Lanes.all(-rate), Lanes.load(p, at + i).mul(keepOfP)), p, at + i);
            }
            if (i < count) {
                VectorMask<Float> rest = Lanes.first(count - i);
                FloatVector old = Lanes.load(p, at + i, rest).mul(keepOfP);
                Lanes.store(sign(move(from + i, rest)).fma(Lanes.all(-rate), old), p, at + i, rest);
            }
        }
    }

    @Override
    public void rootStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        weights.update(p, rounding, keyOfStep(key, s), root(v.segment(), g.segment(), s));
    }

    static WeightBlocks.Body root(MemorySegment v, MemorySegment g, Tensor s) {
        return new Root(v, g, slot(s, LEARNING_RATE), slot(s, GRADIENT_SCALE), 1 - slot(s, DECAY), slot(s, KEEP),
                slot(s, TAKE), slot(s, ROOT_EPSILON))::run;
    }

    /** The arguments of one update by the root of squares. */
    private record Root(MemorySegment v, MemorySegment g, float rate, float scale, float keepOfP, float keep, float take,
            float epsilon) {
        void run(MemorySegment p, long at, long from, int count) {
            int i = 0;
            for (; i + L <= count; i += L) {
                FloatVector h = Lanes.load(g, from + i).mul(scale);
                FloatVector square = Lanes.load(v, from + i).fma(Lanes.all(keep), h.mul(h).mul(take));
                Lanes.store(square, v, from + i);
                FloatVector step = h.mul(-rate).div(square.sqrt().add(epsilon));
                Lanes.store(Lanes.load(p, at + i).fma(Lanes.all(keepOfP), step), p, at + i);
            }
            if (i < count) {
                VectorMask<Float> rest = Lanes.first(count - i);
                FloatVector h = Lanes.load(g, from + i, rest).mul(scale);
                FloatVector square = Lanes.load(v, from + i, rest).fma(Lanes.all(keep), h.mul(h).mul(take));
                Lanes.store(square, v, from + i, rest);
                FloatVector step = h.mul(-rate).div(square.sqrt().add(epsilon));
                Lanes.store(Lanes.load(p, at + i, rest).fma(Lanes.all(keepOfP), step), p, at + i, rest);
            }
        }
    }

    @Override
    public void adamWStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        weights.update(p, rounding, keyOfStep(key, s), adamW(m.segment(), v.segment(), g.segment(), s));
    }

    static WeightBlocks.Body adamW(MemorySegment m, MemorySegment v, MemorySegment g, Tensor s) {
        return new Adam(m, v, g, slot(s, LEARNING_RATE) * slot(s, CORRECTION1), slot(s, GRADIENT_SCALE), 1 - slot(s, DECAY),
                slot(s, BETA1), slot(s, ONE_MINUS_BETA1), slot(s, BETA2), slot(s, ONE_MINUS_BETA2), slot(s, CORRECTION2_ROOT),
                slot(s, EPSILON), slot(s, LEARNING_RATE) * slot(s, GRADIENT_SHARE), slot(s, CENTRED),
                slot(s, SQUARE_EPSILON))::run;
    }

    /**
     * The arguments of one update; {@code rate} and {@code share} are of moment and gradient. Zeros change no bit, and no
     * arithmetic takes as long as memory.
     */
    private record Adam(MemorySegment m, MemorySegment v, MemorySegment g, float rate, float scale, float keep,
            float beta1, float rest1, float beta2, float rest2, float root, float epsilon, float share, float centred,
            float squareEpsilon) {
        void run(MemorySegment p, long at, long from, int count) {
            int i = 0;
            for (; i + L <= count; i += L) {
                FloatVector h = Lanes.load(g, from + i).mul(scale);
                FloatVector first = Lanes.load(m, from + i).fma(Lanes.all(beta1), h.mul(rest1));
                FloatVector second = second(h, first, Lanes.load(v, from + i));
                Lanes.store(first, m, from + i);
                Lanes.store(second, v, from + i);
                Lanes.store(Lanes.load(p, at + i).fma(Lanes.all(keep), step(h, first, second)), p, at + i);
            }
            if (i < count) {
                tail(p, at + i, from + i, count - i);
            }
        }

        private void tail(MemorySegment p, long at, long from, int count) {
            VectorMask<Float> lanes = Lanes.first(count);
            FloatVector h = Lanes.load(g, from, lanes).mul(scale);
            FloatVector first = Lanes.load(m, from, lanes).fma(Lanes.all(beta1), h.mul(rest1));
            FloatVector second = second(h, first, Lanes.load(v, from, lanes));
            Lanes.store(first, m, from, lanes);
            Lanes.store(second, v, from, lanes);
            Lanes.store(Lanes.load(p, at, lanes).fma(Lanes.all(keep), step(h, first, second)), p, at, lanes);
        }

        private FloatVector second(FloatVector h, FloatVector first, FloatVector old) {
            FloatVector distance = first.fma(Lanes.all(-centred), h);
            return old.fma(Lanes.all(beta2), distance.mul(distance).mul(rest2)).add(squareEpsilon);
        }

        private FloatVector step(FloatVector h, FloatVector first, FloatVector second) {
            FloatVector direction = h.fma(Lanes.all(-share), first.mul(-rate));
            return direction.div(second.sqrt().fma(Lanes.all(root), Lanes.all(epsilon)));
        }
    }

    @Override
    public void scheduleFreeStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        new VectorScheduleFree(m.segment(), v == null ? null : v.segment(), g.segment(), s)
                .run(weights, p, rounding, keyOfStep(key, s));
    }

    @Override
    public void sophiaStep(Tensor p, Tensor m, Tensor c, Tensor g, Tensor s, Rounding rounding, long key) {
        weights.update(p, rounding, keyOfStep(key, s), new Sophia(new Momentum(m.segment(), g.segment(), s), c.segment(),
                slot(s, LEARNING_RATE), 1 - slot(s, DECAY), slot(s, GAMMA), slot(s, SOPHIA_EPSILON))::run);
    }

    /** The arguments of one update. */
    private record Sophia(Momentum moment, MemorySegment c, float rate, float keepOfP, float gamma, float epsilon) {
        void run(MemorySegment p, long at, long from, int count) {
            int i = 0;
            for (; i + L <= count; i += L) {
                FloatVector u = clipped(moment.move(from + i), Lanes.load(c, from + i));
                Lanes.store(u.fma(Lanes.all(-rate), Lanes.load(p, at + i).mul(keepOfP)), p, at + i);
            }
            if (i < count) {
                VectorMask<Float> rest = Lanes.first(count - i);
                FloatVector u = clipped(moment.move(from + i, rest), Lanes.load(c, from + i, rest));
                Lanes.store(u.fma(Lanes.all(-rate), Lanes.load(p, at + i, rest).mul(keepOfP)), p, at + i, rest);
            }
        }

        private FloatVector clipped(FloatVector u, FloatVector curvature) {
            return u.div(curvature.mul(gamma).max(epsilon)).min(1).max(-1);
        }
    }

    @Override
    public void adafactorStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        adafactor.step(p, v, g, s, rounding, keyOfStep(key, s));
    }

    @Override
    public void factoredAdafactorStep(Tensor p, Tensor r, Tensor c, Tensor g, Tensor s, Rounding rounding, long key) {
        adafactor.factoredStep(p, r, c, g, s, rounding, keyOfStep(key, s));
    }

    @Override
    public void muonMoment(Tensor m, Tensor x, Tensor g, Tensor s) {
        muon.moment(new Momentum(m.segment(), g.segment(), s), x);
    }

    @Override
    public void muonStep(Tensor p, Tensor x, Tensor s, float factor, Rounding rounding, long key) {
        muon.step(p, x, factor * slot(s, LEARNING_RATE), 1 - slot(s, DECAY), rounding, keyOfStep(key, s));
    }

    @Override
    public void balance(Tensor r, Tensor c, Tensor x, Lines lines, float floor) {
        balance.balance(new VectorBalance.Matrix(r, c, x), lines, floor);
    }

    @Override
    public void balancedStep(Tensor p, Tensor r, Tensor c, Tensor x, Tensor s, Rounding rounding, long key) {
        balance.step(p, new VectorBalance.Matrix(r, c, x), slot(s, LEARNING_RATE), 1 - slot(s, DECAY), rounding,
                keyOfStep(key, s));
    }

    static long keyOfStep(long key, Tensor s) {
        return new RandomKey(key).at(StepNumber.get(s)).bits();
    }

    static float slot(Tensor s, int index) {
        return s.segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }
}
