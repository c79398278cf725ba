package dev.smallbatch.bench.lab;

import static dev.smallbatch.bench.lab.Floats.LANES;
import static dev.smallbatch.bench.lab.Floats.all;
import static dev.smallbatch.bench.lab.Floats.get;
import static dev.smallbatch.bench.lab.Floats.load;
import static dev.smallbatch.bench.lab.Floats.set;
import static dev.smallbatch.bench.lab.Floats.store;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Work;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * The update of AdamW: {@code m = b1 m + (1 - b1) g}, {@code v = b2 v + (1 - b2) g^2},
 * {@code p = keep p - rate m / (sqrt(v) + eps)}, corrections left out. Four numbers are read for each parameter and three
 * written, for a dozen operations: memory is all that can take time, once nothing passes through it twice.
 */
final class AdamWLab implements LabCase {
    private static final float RATE = 1e-3f;
    private static final float KEEP = 1 - 1e-4f;
    private static final float BETA1 = 0.9f;
    private static final float REST1 = 0.1f;
    private static final float BETA2 = 0.999f;
    private static final float REST2 = 0.001f;
    private static final float EPS = 1e-8f;

    private final int count;
    private final Tensor p;
    private final Tensor m;
    private final Tensor v;
    private final Tensor g;
    private final Tensor between;
    private final Tensor slots;
    private final Kernels one;
    private final Kernels all;

    AdamWLab(int[] sizes, Operands operands, Kernels one, Kernels all) {
        count = sizes[0];
        p = operands.uniform(count);
        m = operands.uniform(count);
        v = operands.uniform(count);
        g = operands.uniform(count);
        between = operands.uniform(count);
        slots = operands.numbers(RATE, 1, 1 - KEEP, 0, 0, BETA1, REST1, BETA2, REST2, 1, 1, EPS, 0, 0, 0);
        this.one = one;
        this.all = all;
    }

    @Override
    public List<Version> versions() {
        return List.of(
                Version.of("one operation after the other, each over all parameters: four passes through memory", this::passes),
                Version.of("fused: everything about a parameter at once, one pass", this::fused),
                Version.of("a vector of parameters at a time: the root and the division no longer take longer than memory",
                        this::vectorized),
                Version.of("shipped, one thread", () -> shipped(one)),
                new Version("shipped, all threads: together they ask memory for more", true, () -> shipped(all)));
    }

    private void passes() {
        MemorySegment ps = p.segment();
        MemorySegment ms = m.segment();
        MemorySegment vs = v.segment();
        MemorySegment gs = g.segment();
        MemorySegment divisors = between.segment();
        for (int i = 0; i < count; i++) {
            set(ms, i, BETA1 * get(ms, i) + REST1 * get(gs, i));
        }
        for (int i = 0; i < count; i++) {
            set(vs, i, BETA2 * get(vs, i) + REST2 * get(gs, i) * get(gs, i));
        }
        for (int i = 0; i < count; i++) {
            set(divisors, i, (float) Math.sqrt(get(vs, i)) + EPS);
        }
        for (int i = 0; i < count; i++) {
            set(ps, i, KEEP * get(ps, i) - RATE * get(ms, i) / get(divisors, i));
        }
    }

    private void fused() {
        MemorySegment ps = p.segment();
        MemorySegment ms = m.segment();
        MemorySegment vs = v.segment();
        MemorySegment gs = g.segment();
        for (int i = 0; i < count; i++) {
            float gradient = get(gs, i);
            float first = BETA1 * get(ms, i) + REST1 * gradient;
            float second = BETA2 * get(vs, i) + REST2 * gradient * gradient;
            set(ms, i, first);
            set(vs, i, second);
            set(ps, i, KEEP * get(ps, i) - RATE * first / ((float) Math.sqrt(second) + EPS));
        }
    }

    private void vectorized() {
        MemorySegment ps = p.segment();
        MemorySegment ms = m.segment();
        MemorySegment vs = v.segment();
        MemorySegment gs = g.segment();
        int whole = count - count % LANES;
        for (int i = 0; i < whole; i += LANES) {
            FloatVector gradient = load(gs, i);
            FloatVector first = load(ms, i).mul(BETA1).add(gradient.mul(REST1));
            FloatVector second = load(vs, i).mul(BETA2).add(gradient.mul(gradient).mul(REST2));
            store(first, ms, i);
            store(second, vs, i);
            store(load(ps, i).mul(KEEP).sub(first.mul(RATE).div(second.sqrt().add(EPS))), ps, i);
        }
        rest(ps, ms, vs, gs, whole);
    }

    private void rest(MemorySegment ps, MemorySegment ms, MemorySegment vs, MemorySegment gs, int from) {
        int left = count - from;
        FloatVector gradient = load(gs, from, left);
        FloatVector first = load(ms, from, left).mul(BETA1).add(gradient.mul(REST1));
        FloatVector second = load(vs, from, left).mul(BETA2).add(gradient.mul(gradient).mul(REST2));
        store(first, ms, from, left);
        store(second, vs, from, left);
        store(load(ps, from, left).mul(KEEP).sub(first.mul(RATE).div(second.sqrt().add(all(EPS)))), ps, from, left);
    }

    private void shipped(Kernels kernels) {
        kernels.update().adamWStep(p, m, v, g, slots, Rounding.NEAREST_EVEN, 0);
    }

    @Override
    public void reset() {
        Floats.fill(p, 1, "p");
        Floats.fill(m, 1, "m");
        Floats.fill(g, 1, "g");
        Floats.fill(v, 1, "v");
        for (int i = 0; i < count; i++) {
            set(v.segment(), i, Math.abs(v.getFlat(i)));
        }
    }

    @Override
    public List<Expected> expected() {
        double[] ps = new double[count];
        double[] ms = new double[count];
        double[] vs = new double[count];
        double[] pScales = new double[count];
        double[] mScales = new double[count];
        for (int i = 0; i < count; i++) {
            double gradient = g.getFlat(i);
            ms[i] = BETA1 * m.getFlat(i) + REST1 * gradient;
            vs[i] = BETA2 * v.getFlat(i) + REST2 * gradient * gradient;
            double step = RATE * ms[i] / (Math.sqrt(vs[i]) + EPS);
            ps[i] = KEEP * p.getFlat(i) - step;
            mScales[i] = Math.abs(BETA1 * m.getFlat(i)) + Math.abs(REST1 * gradient);
            pScales[i] = Math.abs(p.getFlat(i)) + RATE * mScales[i] / (Math.sqrt(vs[i]) + EPS);
        }
        return List.of(new Expected(p, ps, pScales), new Expected(m, ms, mScales), new Expected(v, vs, vs));
    }

    /** A handful of roundings. */
    @Override
    public double tolerance() {
        return 6e-7;
    }

    @Override
    public Work work() {
        return new Work(0, 7 * 4.0 * count);
    }
}
