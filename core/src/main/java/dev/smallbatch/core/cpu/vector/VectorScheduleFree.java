package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** The arguments of one schedule-free update: {@code w = rate q + decay p}, {@code q} the gradient or that over a root. */
record VectorScheduleFree(MemorySegment m, MemorySegment v, MemorySegment g, float rate, float scale, float decay, float keep,
        float take, float stepKeep, float stepTake, float secondKeep, float secondTake, float root, float epsilon) {
    private static final int L = Lanes.COUNT;

    VectorScheduleFree(MemorySegment m, MemorySegment v, MemorySegment g, Tensor s) {
        this(m, v, g, VectorUpdate.slot(s, UpdateKernels.LEARNING_RATE), VectorUpdate.slot(s, UpdateKernels.GRADIENT_SCALE),
                VectorUpdate.slot(s, UpdateKernels.DECAY), VectorUpdate.slot(s, UpdateKernels.KEEP),
                VectorUpdate.slot(s, UpdateKernels.TAKE), VectorUpdate.slot(s, UpdateKernels.STEP_KEEP),
                VectorUpdate.slot(s, UpdateKernels.STEP_TAKE), VectorUpdate.slot(s, UpdateKernels.SECOND_KEEP),
                VectorUpdate.slot(s, UpdateKernels.SECOND_TAKE), VectorUpdate.slot(s, UpdateKernels.SECOND_ROOT),
                VectorUpdate.slot(s, UpdateKernels.SECOND_EPSILON));
    }

    void run(WeightBlocks weights, Tensor p, Rounding rounding, long key) {
        weights.update(p, rounding, key, this::run);
        if (p.dtype() == DType.BF16) {
            // Rounded, p no longer is what (p - m) + m returns: there and back once more, in its own type.
            for (float there : new float[] {1, -1}) {
                weights.update(p, Rounding.NEAREST_EVEN, 0,
                        (values, at, from, count) -> VectorUpdate.step(values, at, m, from, there, 1, count));
            }
        }
    }

    private void run(MemorySegment p, long at, long from, int count) {
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector q = Lanes.load(g, from + i).mul(scale);
            if (v != null) {
                FloatVector second = second(q, Lanes.load(v, from + i));
                Lanes.store(second, v, from + i);
                q = q.div(second.sqrt().fma(Lanes.all(root), Lanes.all(epsilon)));
            }
            FloatVector old = Lanes.load(p, at + i);
            FloatVector moment = Lanes.load(m, from + i);
            FloatVector step = step(q, old);
            FloatVector next = next(moment, step);
            Lanes.store(next, m, from + i);
            Lanes.store(moved(old, moment, step, next), p, at + i);
        }
        if (i < count) {
            tail(p, at + i, from + i, Lanes.first(count - i));
        }
    }

    private void tail(MemorySegment p, long at, long from, VectorMask<Float> lanes) {
        FloatVector q = Lanes.load(g, from, lanes).mul(scale);
        if (v != null) {
            FloatVector second = second(q, Lanes.load(v, from, lanes));
            Lanes.store(second, v, from, lanes);
            q = q.div(second.sqrt().fma(Lanes.all(root), Lanes.all(epsilon)));
        }
        FloatVector old = Lanes.load(p, at, lanes);
        FloatVector moment = Lanes.load(m, from, lanes);
        FloatVector step = step(q, old);
        FloatVector next = next(moment, step);
        Lanes.store(next, m, from, lanes);
        Lanes.store(moved(old, moment, step, next), p, at, lanes);
    }

    private FloatVector second(FloatVector h, FloatVector old) {
        return old.fma(Lanes.all(secondKeep), h.mul(h).mul(secondTake));
    }

    private FloatVector step(FloatVector q, FloatVector p) {
        return q.fma(Lanes.all(rate), p.mul(decay));
    }

    private FloatVector next(FloatVector moment, FloatVector step) {
        return step.fma(Lanes.all(-take), moment.mul(keep));
    }

    private FloatVector moved(FloatVector p, FloatVector moment, FloatVector step, FloatVector next) {
        FloatVector y = moment.fma(Lanes.all(stepKeep), step.fma(Lanes.all(-stepTake), p));
        return y.sub(next).add(next);
    }
}
