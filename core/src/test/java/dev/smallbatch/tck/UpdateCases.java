package dev.smallbatch.tck;

import static dev.smallbatch.tck.UpdateSlots.adafactorSlots;
import static dev.smallbatch.tck.UpdateSlots.boundedAdafactorSlots;
import static dev.smallbatch.tck.UpdateSlots.adamWSlots;
import static dev.smallbatch.tck.UpdateSlots.at;
import static dev.smallbatch.tck.UpdateSlots.momentumSlots;
import static dev.smallbatch.tck.UpdateSlots.rootSlots;
import static dev.smallbatch.tck.UpdateSlots.scheduleFreeSlots;
import static dev.smallbatch.tck.UpdateSlots.sgdSlots;
import static dev.smallbatch.tck.UpdateSlots.sophiaSlots;
import static dev.smallbatch.tck.UpdateSlots.with;
import static dev.smallbatch.tck.UpdateSlots.withoutRoot;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks of {@link UpdateKernels}. */
public abstract class UpdateCases extends FamilyCases {
    private static final int STEPS = 10;
    static final long KEY = 0x0FEDCBA987654321L;
    private static final Weight F32 = new Weight(DType.F32, Rounding.NEAREST_EVEN);

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
        everyBlockRule(cases, 3, 3, 3, 5);
        for (int size : Shapes.SIZES) {
            everyBlockRule(cases, 1, 1, size, 7);
            everyBlockRule(cases, 1, 1, 5, size);
            everyBlockRule(cases, 2, 3, 4, size);
        }
        everyBlockRule(cases, 1, 1, 3001, 101);
        everyBlockRule(cases, 1, 1, 3, Shapes.LARGE / 3);
        everyBlockRule(cases, 12, 1, 128, 200);
        everyBlockRule(cases, 1, 4, 300, 64);
        return cases;
    }

    private static void everyRule(List<OpCase> cases, long... dims) {
        String label = Shape.of(dims).toString();
        float[] heavyBall = momentumSlots(0.05, 0.5, 0.001, 0.9, 1, 0.9, 1);
        float[] ahead = momentumSlots(0.02, 2, 0.01, 0.99, 0.01, 0.9, 0.1);
        cases.add(moment("sgdStep", label + " momentum", F32, true, heavyBall, dims));
        cases.add(moment("sgdStep", label + " ahead", F32, true, ahead, dims));
        cases.add(moment("sgdStep", label, F32, false, heavyBall, dims));
        cases.add(moment("sgdStep", label + " no decay", F32, false, sgdSlots(0.2, 1, 0, 0), dims));
        cases.add(moment("signStep", label + " momentum", F32, true, heavyBall, dims));
        cases.add(moment("signStep", label + " ahead", F32, true, ahead, dims));
        cases.add(moment("signStep", label, F32, false, heavyBall, dims));
        cases.add(zeroed(moment("signStep", label + " zeros", F32, true, heavyBall, dims)));
        cases.add(root(label + " sum", F32, rootSlots(0.05, 0.5, 0.001, 1, 1, 1e-10), dims));
        cases.add(root(label + " mean", F32, rootSlots(0.01, 2, 0, 0.99, 0.01, 1e-8), dims));
        cases.add(sophia(label, F32, sophiaSlots(0.05, 0.5, 0.001, 0.7, 1e-15), dims));
        cases.add(sophia(label + " few clipped", F32, sophiaSlots(0.05, 1, 0, 50, 0.5), dims));
        cases.add(zeroed(sophia(label + " zeros", F32, sophiaSlots(0.05, 1, 0.1, 1, 1e-12), dims)));
        cases.add(adamW(label + " first step", F32, adamWSlots(0.01, 0.5, 1e-3, 0.9, 0.999, 1e-8, 1), dims));
        cases.add(adamW(label + " late, slow", F32, adamWSlots(0.01, 1, 0, 0.9, 0.99993, 1e-8, 5000), dims));
        cases.add(adamW(label + " large epsilon", F32, adamWSlots(0.01, 2, 1e-3, 0.5, 0.9, 0.1, 3), dims));
        cases.add(adamW(label + " share of the gradient", F32, with(adamWSlots(0.01, 0.5, 0, 0.9, 0.99, 1e-8, 3), 0.7, 0, 0), dims));
        float[] centred = with(adamWSlots(0.01, 0.5, 1e-3, 0.9, 0.99, 1e-12, 2), 0, 1, 1e-6);
        cases.add(adamW(label + " centred", F32, centred, dims));
        cases.add(zeroed(adamW(label + " centred zeros", F32, centred, dims)));
        cases.add(adamW(label + " without root", F32, withoutRoot(adamWSlots(0.01, 2, 1e-3, 0.9, 0.999, 1, 2)), dims));
        cases.add(scheduleFree(label + " sgd", F32, scheduleFreeSlots(0.5, 0.5, 0.01, 3), false, dims));
        cases.add(scheduleFree(label + " first step", F32, scheduleFreeSlots(0.01, 2, 0, 1), true, dims));
        cases.add(scheduleFree(label + " late", F32, scheduleFreeSlots(0.01, 0.5, 0.1, 5000), true, dims));
        cases.add(zeroed(scheduleFree(label + " zeros", F32, scheduleFreeSlots(0.01, 1, 0, 2), true, dims)));
        cases.add(adafactor(label + " first step", F32, adafactorSlots(0.01, 0.5, 1e-3, 1), dims));
        cases.add(adafactor(label + " late", F32, adafactorSlots(0.1, 2, 0, 5000), dims));
        cases.add(zeroed(adafactor(label + " zeros", F32, adafactorSlots(0.1, 1, 0.01, 2), dims)));
        cases.add(adafactor(label + " bounded", F32, boundedAdafactorSlots(0.3, 0.5, 3), dims));
        cases.add(zeroed(adafactor(label + " bounded zeros", F32, boundedAdafactorSlots(1e-7, 1, 2), dims)));
        for (Rounding rounding : Rounding.values()) {
            Weight bf16 = new Weight(DType.BF16, rounding);
            cases.add(moment("sgdStep", label + " momentum", bf16, true, at(3, heavyBall), dims));
            cases.add(moment("sgdStep", label, bf16, false, at(0x7_0000_0002L, heavyBall), dims));
            cases.add(moment("signStep", label + " momentum", bf16, true, at(7, ahead), dims));
            cases.add(moment("signStep", label, bf16, false, at(8, heavyBall), dims));
            cases.add(root(label, bf16, at(9, rootSlots(0.05, 0.5, 0.001, 0.9, 0.1, 1e-8)), dims));
            cases.add(sophia(label, bf16, at(10, sophiaSlots(0.05, 0.5, 0.001, 0.7, 1e-12)), dims));
            cases.add(adamW(label, bf16, at(4999, adamWSlots(0.01, 1, 1e-3, 0.9, 0.99993, 1e-8, 5000)), dims));
            cases.add(adamW(label + " centred", bf16, at(17, centred), dims));
            cases.add(scheduleFree(label + " sgd", bf16, at(5, scheduleFreeSlots(0.5, 0.5, 0.01, 3)), false, dims));
            cases.add(scheduleFree(label, bf16, at(6, scheduleFreeSlots(0.01, 0.5, 0.1, 5000)), true, dims));
            cases.add(adafactor(label, bf16, at(4, adafactorSlots(0.01, 0.5, 1e-3, 5)), dims));
        }
    }

    /** A matrix of {@code down} by {@code across} blocks of {@code rows} by {@code cols}. */
    private static void everyBlockRule(List<OpCase> cases, int down, int across, int rows, int cols) {
        long[] blocks = {down, across, rows, cols};
        float[] average = momentumSlots(0.05, 0.5, 0.001, 0.9, 0.1, 0.95, 1.5);
        cases.add(factored("first step", F32, adafactorSlots(0.01, 0.5, 1e-3, 1), blocks));
        cases.add(factored("late", F32, adafactorSlots(0.1, 2, 0, 5000), blocks));
        cases.add(zeroed(factored("zeros", F32, adafactorSlots(0.1, 1, 0.01, 2), blocks)));
        cases.add(factored("bounded", F32, boundedAdafactorSlots(0.3, 0.5, 3), blocks));
        cases.add(factored("bounded mean", F32, boundedAdafactorSlots(2, 1.5, 3), blocks));
        cases.add(zeroed(factored("bounded zeros", F32, boundedAdafactorSlots(1e-7, 1, 2), blocks)));
        cases.add(muonMoment("", average, blocks));
        cases.add(zeroed(muonMoment("zeros", average, blocks)));
        cases.add(muonStep(F32, average, blocks));
        BalanceCases.add(cases, average, blocks);
        for (Rounding rounding : Rounding.values()) {
            Weight bf16 = new Weight(DType.BF16, rounding);
            cases.add(factored("", bf16, at(4, adafactorSlots(0.01, 0.5, 1e-3, 5)), blocks));
            cases.add(muonStep(bf16, at(0x7_0000_0002L, average), blocks));
        }
    }

    /** The same call with a gradient and state of nothing but zeros. */
    private static OpCase zeroed(OpCase c) {
        OpCase zeroed = c;
        for (Arg arg : c.args()) {
            if (!List.of("p", "s").contains(arg.name()) && arg.role() != Role.WRITTEN) {
                zeroed = zeroed.with(arg.name(), new int[arg.bits().length]);
            }
        }
        return zeroed;
    }

    /** How the parameter is stored, and rounded when it is written. */
    record Weight(DType dtype, Rounding rounding) {
        /** The update in float, and the rounding of the parameter, the first, with the key of the step in {@code o}. */
        List<Expected> expected(OpCase o, List<Expected> outputs) {
            if (dtype == DType.F32) {
                return outputs;
            }
            int[] s = o.bits("s");
            long step = s[UpdateKernels.STEP_LOW] & 0xFFFFFFFFL | (long) s[UpdateKernels.STEP_HIGH] << 32;
            List<Expected> rounded = new ArrayList<>(outputs);
            rounded.set(0, ElementwiseOracle.rounded(outputs.getFirst(), rounding, ElementwiseOracle.keyOfStep(KEY, step)));
            return rounded;
        }

        @Override
        public String toString() {
            return dtype == DType.F32 ? "" : " BF16 " + rounding;
        }
    }

    private static OpCase moment(String op, String label, Weight weight, boolean momentum, float[] slots, long... dims) {
        boolean sign = op.equals("signStep");
        OpCase c = OpCase.of(op, label + weight).accumulated("p", dims).weight(weight.dtype());
        return (momentum ? c.accumulated("m", dims).optional() : c.absent("m")).read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> {
                    if (sign) {
                        k.update().signStep(t[0], t[1], t[2], t[3], weight.rounding(), KEY);
                    } else {
                        k.update().sgdStep(t[0], t[1], t[2], t[3], weight.rounding(), KEY);
                    }
                })
                .expect(o -> weight.expected(o, UpdateOracle.momentum(o, sign)));
    }

    private static OpCase root(String label, Weight weight, float[] slots, long... dims) {
        return OpCase.of("rootStep", label + weight).accumulated("p", dims).weight(weight.dtype())
                .accumulated("v", squares(label, dims), dims).read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> k.update().rootStep(t[0], t[1], t[2], t[3], weight.rounding(), KEY))
                .expect(o -> weight.expected(o, UpdateOracle.root(o)));
    }

    /** Of a curvature of both signs. */
    private static OpCase sophia(String label, Weight weight, float[] slots, long... dims) {
        return OpCase.of("sophiaStep", label + weight).accumulated("p", dims).weight(weight.dtype())
                .accumulated("m", dims).read("c", dims).read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> k.update().sophiaStep(t[0], t[1], t[2], t[3], t[4], weight.rounding(), KEY))
                .expect(o -> weight.expected(o, UpdateOracle.sophia(o)));
    }

    private static OpCase adamW(String label, Weight weight, float[] slots, long... dims) {
        return OpCase.of("adamWStep", label + weight).accumulated("p", dims).weight(weight.dtype())
                .accumulated("m", dims).accumulated("v", squares(label, dims), dims)
                .read("g", dims)
                .read("s", slots, slots.length)
                .call((k, t) -> k.update().adamWStep(t[0], t[1], t[2], t[3], t[4], weight.rounding(), KEY))
                .expect(o -> weight.expected(o, UpdateOracle.adamW(o)));
    }

    private static OpCase scheduleFree(String label, Weight weight, float[] slots, boolean second, long... dims) {
        OpCase c = OpCase.of("scheduleFreeStep", label + weight).accumulated("p", dims).weight(weight.dtype()).accumulated("m", dims);
        return (second ? c.accumulated("v", squares(label, dims), dims).optional() : c.absent("v"))
                .read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> k.update().scheduleFreeStep(t[0], t[1], t[2], t[3], t[4], weight.rounding(), KEY))
                .expect(o -> UpdateOracle.thereAndBack(o, weight.expected(o, UpdateOracle.scheduleFree(o))));
    }

    private static OpCase adafactor(String label, Weight weight, float[] slots, long... dims) {
        return OpCase.of("adafactorStep", label + weight).accumulated("p", dims).weight(weight.dtype())
                .accumulated("v", squares(label, dims), dims).read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> k.update().adafactorStep(t[0], t[1], t[2], t[3], weight.rounding(), KEY))
                .expect(o -> weight.expected(o, UpdateOracle.adafactor(o)));
    }

    private static OpCase factored(String label, Weight weight, float[] slots, long... blocks) {
        long[] dims = matrix(blocks);
        return OpCase.of("factoredAdafactorStep", label + " " + Shape.of(blocks) + weight)
                .accumulated("p", dims).weight(weight.dtype())
                .accumulated("r", squares(label + "r", dims[0], blocks[1]), dims[0], blocks[1])
                .accumulated("c", squares(label + "c", blocks[0], dims[1]), blocks[0], dims[1])
                .read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> k.update().factoredAdafactorStep(t[0], t[1], t[2], t[3], t[4], weight.rounding(), KEY))
                .expect(o -> weight.expected(o, UpdateOracle.factored(o)));
    }

    private static OpCase muonMoment(String label, float[] slots, long... blocks) {
        long[] dims = matrix(blocks);
        return OpCase.of("muonMoment", label + " " + Shape.of(blocks)).accumulated("m", dims).written("x", blocks)
                .read("g", dims).read("s", slots, slots.length)
                .call((k, t) -> k.update().muonMoment(t[0], t[1], t[2], t[3]))
                .expect(UpdateOracle::muonMoment);
    }

    private static OpCase muonStep(Weight weight, float[] slots, long... blocks) {
        float factor = 1.7f;
        return OpCase.of("muonStep", Shape.of(blocks).toString() + weight).accumulated("p", matrix(blocks)).weight(weight.dtype())
                .read("x", blocks).read("s", slots, slots.length)
                .call((k, t) -> k.update().muonStep(t[0], t[1], t[2], factor, weight.rounding(), KEY))
                .expect(o -> weight.expected(o, UpdateOracle.muonStep(o, factor)));
    }

    /** The matrix that (down, across, rows, cols) blocks make up. */
    static long[] matrix(long... blocks) {
        return new long[] {blocks[0] * blocks[2], blocks[1] * blocks[3]};
    }

    static float[] squares(String label, long... dims) {
        float[] v = Data.normal(label.hashCode(), Shape.of(dims).numel());
        for (int i = 0; i < v.length; i++) {
            v[i] *= v[i];
        }
        return v;
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

    /** Weights and moments of sizes and signs that differ as much as they can. */
    @Test
    void afterAScheduleFreeStepSubtractingTheMomentAndAddingItAgainRestoresEveryBit() {
        int n = 20_000;
        float[] m = Data.normal(1, n);
        float[] p = Data.normal(2, n);
        for (int i = 0; i < n; i++) {
            m[i] *= (float) Math.pow(2, i % 41 - 20);
        }
        for (Weight weight : List.of(F32, new Weight(DType.BF16, Rounding.NEAREST_EVEN), new Weight(DType.BF16, Rounding.STOCHASTIC))) {
            Tensor parameter = region().allocate(weight.dtype(), Shape.of(n));
            kernels().elementwise().convert(parameter, tensor(p), Rounding.NEAREST_EVEN, 0);
            Tensor moment = tensor(m);
            kernels().update().scheduleFreeStep(parameter, moment, null, tensor(Data.normal(3, n)),
                    tensor(at(7, scheduleFreeSlots(0.5, 0.5, 0.01, 3))), weight.rounding(), KEY);
            int[] before = Bits.read(parameter);
            kernels().elementwise().axpy(parameter, -1, moment);
            assertTrue(Arrays.mismatch(before, Bits.read(parameter)) >= 0, "nothing changed");
            kernels().elementwise().axpy(parameter, 1, moment);
            assertEquals(-1, Arrays.mismatch(before, Bits.read(parameter)), weight + " seeds 1, 2, 3");
        }
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
