package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.StepNumber;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Optimizer updates: one pass over parameter, gradient and state, bound by memory. */
final class VectorUpdate implements UpdateKernels {
    private static final int L = Lanes.COUNT;

    private final WeightBlocks weights;

    VectorUpdate(WeightBlocks weights) {
        this.weights = weights;
    }

    @Override
    public void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {
        MemorySegment gradients = g.segment();
        float rate = slot(s, LEARNING_RATE);
        float scale = slot(s, GRADIENT_SCALE);
        float keep = 1 - slot(s, DECAY);
        if (m == null) {
            weights.update(p, rounding, keyOfStep(key, s), (values, at, from, count) ->
                    sgd(values, at, gradients, rate * scale, keep, from, count));
        } else {
            MemorySegment moments = m.segment();
            float momentum = slot(s, MOMENTUM);
            weights.update(p, rounding, keyOfStep(key, s), (values, at, from, count) ->
                    momentum(values, at, moments, gradients, rate, scale, keep, momentum, from, count));
        }
    }

    private static void sgd(MemorySegment p, long at, MemorySegment g, float rate, float keep, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            Lanes.store(Lanes.load(g, from + i).fma(Lanes.all(-rate), Lanes.load(p, at + i).mul(keep)), p, at + i);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        Lanes.store(Lanes.load(g, from + i, rest).fma(Lanes.all(-rate), Lanes.load(p, at + i, rest).mul(keep)), p, at + i, rest);
    }

    private static void momentum(MemorySegment p, long at, MemorySegment m, MemorySegment g, float rate, float scale, float keep,
            float momentum, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector moment = Lanes.load(m, from + i).fma(Lanes.all(momentum), Lanes.load(g, from + i).mul(scale));
            Lanes.store(moment, m, from + i);
            Lanes.store(moment.fma(Lanes.all(-rate), Lanes.load(p, at + i).mul(keep)), p, at + i);
        }
        VectorMask<Float> rest = Lanes.first(count - i);
        FloatVector moment = Lanes.load(m, from + i, rest).fma(Lanes.all(momentum), Lanes.load(g, from + i, rest).mul(scale));
        Lanes.store(moment, m, from + i, rest);
        Lanes.store(moment.fma(Lanes.all(-rate), Lanes.load(p, at + i, rest).mul(keep)), p, at + i, rest);
    }

    @Override
    public void adamWStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        Adam adam = new Adam(m.segment(), v.segment(), g.segment(), slot(s, LEARNING_RATE) * slot(s, CORRECTION1),
                slot(s, GRADIENT_SCALE), 1 - slot(s, DECAY), slot(s, BETA1), slot(s, ONE_MINUS_BETA1), slot(s, BETA2),
                slot(s, ONE_MINUS_BETA2), slot(s, CORRECTION2_ROOT), slot(s, EPSILON));
        weights.update(p, rounding, keyOfStep(key, s), adam::run);
    }

    /** The arguments of one update; {@code rate} has the first moment's correction in it. */
    private record Adam(MemorySegment m, MemorySegment v, MemorySegment g, float rate, float scale, float keep,
            float beta1, float rest1, float beta2, float rest2, float root, float epsilon) {
        void run(MemorySegment p, long at, long from, int count) {
            int i = 0;
            for (; i + L <= count; i += L) {
                FloatVector h = Lanes.load(g, from + i).mul(scale);
                FloatVector first = Lanes.load(m, from + i).fma(Lanes.all(beta1), h.mul(rest1));
                FloatVector second = Lanes.load(v, from + i).fma(Lanes.all(beta2), h.mul(h).mul(rest2));
                Lanes.store(first, m, from + i);
                Lanes.store(second, v, from + i);
                FloatVector step = first.mul(-rate).div(second.sqrt().fma(Lanes.all(root), Lanes.all(epsilon)));
                Lanes.store(Lanes.load(p, at + i).fma(Lanes.all(keep), step), p, at + i);
            }
            if (i < count) {
                tail(p, at + i, from + i, count - i);
            }
        }

        private void tail(MemorySegment p, long at, long from, int count) {
            VectorMask<Float> lanes = Lanes.first(count);
            FloatVector h = Lanes.load(g, from, lanes).mul(scale);
            FloatVector first = Lanes.load(m, from, lanes).fma(Lanes.all(beta1), h.mul(rest1));
            FloatVector second = Lanes.load(v, from, lanes).fma(Lanes.all(beta2), h.mul(h).mul(rest2));
            Lanes.store(first, m, from, lanes);
            Lanes.store(second, v, from, lanes);
            FloatVector step = first.mul(-rate).div(second.sqrt().fma(Lanes.all(root), Lanes.all(epsilon)));
            Lanes.store(Lanes.load(p, at, lanes).fma(Lanes.all(keep), step), p, at, lanes);
        }
    }

    private static long keyOfStep(long key, Tensor s) {
        return new RandomKey(key).at(StepNumber.get(s)).bits();
    }

    private static float slot(Tensor s, int index) {
        return s.segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }
}
