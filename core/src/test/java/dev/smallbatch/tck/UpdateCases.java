package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertNull;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks of {@link UpdateKernels}. */
public abstract class UpdateCases extends FamilyCases {
    private static final double C_UPDATE = 6;
    private static final int STEPS = 10;
    private static final long KEY = 0x0FEDCBA987654321L;

    UpdateCases(BackendConformance suite) {
        super(suite);
    }

    @Override
    final Class<?> family() {
        return UpdateKernels.class;
    }

    @Override
    final List<OpCase> cases() {
        List<OpCase> cases = new ArrayList<>();
        everyRule(cases, 5, 6);
        for (int size : Shapes.SIZES) {
            everyRule(cases, size);
        }
        everyRule(cases, 3, 5, 7, 11);
        everyRule(cases, Shapes.LARGE);
        return cases;
    }

    private static void everyRule(List<OpCase> cases, long... dims) {
        String label = Shape.of(dims).toString();
        Weight f32 = new Weight(DType.F32, Rounding.NEAREST_EVEN);
        cases.add(sgd(label + " momentum", f32, true, sgdSlots(0.05, 0.5, 0.001, 0.9), dims));
        cases.add(sgd(label, f32, false, sgdSlots(0.05, 0.5, 0.001, 0.9), dims));
        cases.add(sgd(label + " no decay", f32, false, sgdSlots(0.2, 1, 0, 0), dims));
        cases.add(adamW(label + " first step", f32, adamWSlots(0.01, 0.5, 1e-3, 0.9, 0.999, 1e-8, 1), dims));
        cases.add(adamW(label + " late, slow", f32, adamWSlots(0.01, 1, 0, 0.9, 0.99993, 1e-8, 5000), dims));
        cases.add(adamW(label + " large epsilon", f32, adamWSlots(0.01, 2, 1e-3, 0.5, 0.9, 0.1, 3), dims));
        for (Rounding rounding : Rounding.values()) {
            Weight bf16 = new Weight(DType.BF16, rounding);
            cases.add(sgd(label + " momentum", bf16, true, at(3, sgdSlots(0.05, 0.5, 0.001, 0.9)), dims));
            cases.add(sgd(label, bf16, false, at(0x7_0000_0002L, sgdSlots(0.05, 0.5, 0.001, 0.9)), dims));
            cases.add(adamW(label, bf16, at(4999, adamWSlots(0.01, 1, 1e-3, 0.9, 0.99993, 1e-8, 5000)), dims));
        }
    }

    /** How the parameter is stored, and rounded when it is written. */
    private record Weight(DType dtype, Rounding rounding) {
        /** The update in float and the rounding, which has the key of the step in {@code o}. */
        Expected expected(OpCase o, Expected parameter) {
            int[] s = o.bits("s");
            long step = s[UpdateKernels.STEP_LOW] & 0xFFFFFFFFL | (long) s[UpdateKernels.STEP_HIGH] << 32;
            return dtype == DType.F32 ? parameter
                    : ElementwiseOracle.rounded(parameter, rounding, ElementwiseOracle.keyOfStep(KEY, step));
        }

        @Override
        public String toString() {
            return dtype == DType.F32 ? "" : " BF16 " + rounding;
        }
    }

    /** The scalars of a step with that number. */
    static float[] at(long step, float[] slots) {
        slots[UpdateKernels.STEP_LOW] = Float.intBitsToFloat((int) step);
        slots[UpdateKernels.STEP_HIGH] = Float.intBitsToFloat((int) (step >>> 32));
        return slots;
    }

    static float[] sgdSlots(double learningRate, double scale, double decay, double momentum) {
        float[] s = new float[UpdateKernels.SGD_SLOTS];
        s[UpdateKernels.LEARNING_RATE] = (float) learningRate;
        s[UpdateKernels.GRADIENT_SCALE] = (float) scale;
        s[UpdateKernels.DECAY] = (float) (learningRate * decay);
        s[UpdateKernels.MOMENTUM] = (float) momentum;
        return s;
    }

    static float[] adamWSlots(double learningRate, double scale, double decay, double beta1, double beta2, double epsilon,
            int step) {
        float[] s = new float[UpdateKernels.ADAMW_SLOTS];
        s[UpdateKernels.LEARNING_RATE] = (float) learningRate;
        s[UpdateKernels.GRADIENT_SCALE] = (float) scale;
        s[UpdateKernels.DECAY] = (float) (learningRate * decay);
        s[UpdateKernels.BETA1] = (float) beta1;
        s[UpdateKernels.ONE_MINUS_BETA1] = (float) (1 - beta1);
        s[UpdateKernels.BETA2] = (float) beta2;
        s[UpdateKernels.ONE_MINUS_BETA2] = (float) (1 - beta2);
        s[UpdateKernels.CORRECTION1] = (float) (1 / (1 - Math.pow(beta1, step)));
        s[UpdateKernels.CORRECTION2_ROOT] = (float) (1 / Math.sqrt(1 - Math.pow(beta2, step)));
        s[UpdateKernels.EPSILON] = (float) epsilon;
        return s;
    }

    private static OpCase sgd(String label, Weight weight, boolean momentum, float[] slots, long... dims) {
        OpCase c = OpCase.of("sgdStep", label + weight).accumulated("p", dims).weight(weight.dtype());
        return (momentum ? c.accumulated("m", dims).optional() : c.absent("m")).read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> k.update().sgdStep(t[0], t[1], t[2], t[3], weight.rounding(), KEY))
                .expect(o -> sgdExpected(o, weight));
    }

    private static List<Expected> sgdExpected(OpCase o, Weight weight) {
        double[] s = o.get("s");
        double[] p = o.get("p");
        double[] m = o.get("m");
        double[] h = ReferenceTransforms.scaled(o.get("g"), s[UpdateKernels.GRADIENT_SCALE]);
        double[] pScale = p.clone();
        double[] mScale = p.clone();
        for (int i = 0; i < p.length; i++) {
            double old = m == null ? 0 : s[UpdateKernels.MOMENTUM] * m[i];
            mScale[i] = Math.abs(old) + Math.abs(h[i]);
            h[i] = old + h[i];
            pScale[i] = Math.abs(p[i]) * (1 + s[UpdateKernels.DECAY]) + s[UpdateKernels.LEARNING_RATE] * mScale[i];
            p[i] = p[i] - s[UpdateKernels.DECAY] * p[i] - s[UpdateKernels.LEARNING_RATE] * h[i];
        }
        Expected parameter = weight.expected(o, Expected.within(C_UPDATE, 1, p, pScale));
        return m == null ? List.of(parameter) : List.of(parameter, Expected.within(C_UPDATE, 1, h, mScale));
    }

    private static OpCase adamW(String label, Weight weight, float[] slots, long... dims) {
        float[] v = Data.normal(label.hashCode(), Shape.of(dims).numel());
        for (int i = 0; i < v.length; i++) {
            v[i] *= v[i];
        }
        return OpCase.of("adamWStep", label + weight).accumulated("p", dims).weight(weight.dtype())
                .accumulated("m", dims).accumulated("v", v, dims)
                .read("g", dims)
                .read("s", slots, slots.length)
                .call((k, t) -> k.update().adamWStep(t[0], t[1], t[2], t[3], t[4], weight.rounding(), KEY))
                .expect(o -> adamWExpected(o, weight));
    }

    private static List<Expected> adamWExpected(OpCase o, Weight weight) {
        double[] s = o.get("s");
        double[] p = o.get("p");
        double[] m = o.get("m");
        double[] v = o.get("v");
        double[] h = ReferenceTransforms.scaled(o.get("g"), s[UpdateKernels.GRADIENT_SCALE]);
        double[] pScale = p.clone();
        double[] mScale = p.clone();
        for (int i = 0; i < p.length; i++) {
            double old = s[UpdateKernels.BETA1] * m[i];
            double fresh = s[UpdateKernels.ONE_MINUS_BETA1] * h[i];
            mScale[i] = Math.abs(old) + Math.abs(fresh);
            m[i] = old + fresh;
            v[i] = s[UpdateKernels.BETA2] * v[i] + s[UpdateKernels.ONE_MINUS_BETA2] * h[i] * h[i];
            double rate = s[UpdateKernels.LEARNING_RATE] * s[UpdateKernels.CORRECTION1]
                    / (Math.sqrt(v[i]) * s[UpdateKernels.CORRECTION2_ROOT] + s[UpdateKernels.EPSILON]);
            pScale[i] = Math.abs(p[i]) * (1 + s[UpdateKernels.DECAY]) + rate * mScale[i];
            p[i] = p[i] - s[UpdateKernels.DECAY] * p[i] - rate * m[i];
        }
        return List.of(weight.expected(o, Expected.within(C_UPDATE, 1, p, pScale)), Expected.within(C_UPDATE, 1, m, mScale),
                Expected.within(C_UPDATE, 1, v, v.clone()));
    }

    @Override
    final List<GradientCheck> gradients() {
        return List.of();
    }

    @Test
    void tenSgdStepsEqualTheComposedLinks() {
        int n = 129;
        double learningRate = 0.05;
        double decay = 0.1;
        double[] p = Data.toDoubles(Data.normal(1, n));
        double[] trace = new double[n];
        Tensor parameter = tensor(Data.toFloats(p));
        Tensor momentum = tensor(new float[n]);
        for (int step = 1; step <= STEPS; step++) {
            float[] g = Data.normal(100 + step, n);
            kernels().update().sgdStep(parameter, momentum, tensor(g), tensor(sgdSlots(learningRate, 0.5, decay, 0.9)),
                    Rounding.NEAREST_EVEN, 0);
            double[] u = ReferenceTransforms.traced(ReferenceTransforms.scaled(Data.toDoubles(g), 0.5), trace, 0.9);
            u = ReferenceTransforms.scaled(ReferenceTransforms.decayed(u, p, decay), learningRate);
            p = ReferenceTransforms.applied(p, u);
        }
        assertAgree("p", parameter, p, learningRate * STEPS);
        assertAgree("m", momentum, trace, 1);
    }

    @Test
    void tenAdamWStepsEqualTheComposedLinks() {
        int n = 129;
        double learningRate = 0.01;
        double decay = 0.1;
        double beta1 = 0.9;
        double beta2 = 0.9999;
        double[] p = Data.toDoubles(Data.normal(1, n));
        double[] first = new double[n];
        double[] second = new double[n];
        Tensor parameter = tensor(Data.toFloats(p));
        Tensor m = tensor(new float[n]);
        Tensor v = tensor(new float[n]);
        for (int step = 1; step <= STEPS; step++) {
            float[] g = Data.normal(100 + step, n);
            float[] slots = adamWSlots(learningRate, 0.5, decay, beta1, beta2, 1e-8, step);
            kernels().update().adamWStep(parameter, m, v, tensor(g), tensor(slots), Rounding.NEAREST_EVEN, 0);
            double[] h = ReferenceTransforms.scaled(Data.toDoubles(g), 0.5);
            double[] mHat = ReferenceTransforms.unbiased(ReferenceTransforms.averaged(h, first, beta1, 1), beta1, step);
            double[] vHat = ReferenceTransforms.unbiased(ReferenceTransforms.averaged(h, second, beta2, 2), beta2, step);
            double[] u = ReferenceTransforms.normalized(mHat, vHat, 1e-8);
            u = ReferenceTransforms.scaled(ReferenceTransforms.decayed(u, p, decay), learningRate);
            p = ReferenceTransforms.applied(p, u);
        }
        assertAgree("p", parameter, p, learningRate * STEPS);
        assertAgree("m", m, first, 1);
        assertAgree("v", v, second, 0);
    }

    private Tensor tensor(float[] values) {
        Tensor tensor = region().allocate(DType.F32, Shape.of(values.length));
        tensor.copyFrom(values);
        return tensor;
    }

    /** Rounding of ten steps, relative to the values and what they moved by. */
    private void assertAgree(String name, Tensor actual, double[] expected, double moved) {
        double[] scale = expected.clone();
        for (int i = 0; i < scale.length; i++) {
            scale[i] = Math.abs(expected[i]) + moved;
        }
        assertNull(tolerance().compare(name, Data.toDoubles(actual.toFloatArray()), Expected.within(4, STEPS, expected, scale)));
    }
}
