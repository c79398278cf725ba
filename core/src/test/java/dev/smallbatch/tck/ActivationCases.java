package dev.smallbatch.tck;

import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.ActivationKernels;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Checks of {@link ActivationKernels}. */
public abstract class ActivationCases extends FamilyCases {
    /** The documented absolute error per {@code max(1, |x|)}. */
    private static final double FORWARD_ERROR = 1e-6;
    /** The derivative is allowed twice that, times the gradient it scales. */
    private static final double BACKWARD_ERROR = 2e-6;

    private static final float[] EXTREMES = {0, -0.0f, 1e4f, -1e4f, 1e18f, -1e18f, 1e-30f, -1e-30f, 87, -87, 88.8f, -88.8f, 104,
        -104, 9.01f, -9.01f, 5.5f, -5.5f, Float.MIN_VALUE};

    ActivationCases(BackendConformance suite) {
        super(suite);
    }

    @Override
    final Class<?> family() {
        return ActivationKernels.class;
    }

    @Override
    final List<OpCase> cases() {
        List<OpCase> cases = new ArrayList<>();
        for (Activation kind : Activation.values()) {
            both(cases, kind, "(5, 6)", Data.normal(1, 30, 0, 2), 5, 6);
            for (int size : Shapes.SIZES) {
                both(cases, kind, "(" + size + ")", Data.normal(size, size, 0, 2), size);
            }
            both(cases, kind, "every magnitude", everyMagnitude(4096), 4096);
            both(cases, kind, "a grid from -12 to 12", grid(-12, 12, 4801), 4801);
            both(cases, kind, "large and tiny", EXTREMES, EXTREMES.length);
            both(cases, kind, "many", Data.normal(2, Shapes.LARGE, 0, 3), Shapes.LARGE);
        }
        return cases;
    }

    private static void both(List<OpCase> cases, Activation kind, String label, float[] x, long... dims) {
        cases.add(activate(kind, label, x, dims));
        cases.add(activateBackward(kind, label, x, dims));
    }

    /** Random signs, exponents from 2^-30 to 2^13 and fractions. */
    private static float[] everyMagnitude(int count) {
        SplittableRandom random = new SplittableRandom(count);
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            double magnitude = Math.scalb(1 + random.nextDouble(), random.nextInt(44) - 30);
            x[i] = (float) (random.nextBoolean() ? magnitude : -magnitude);
        }
        return x;
    }

    private static float[] grid(float from, float to, int count) {
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = from + i * (to - from) / (count - 1);
        }
        return x;
    }

    private static OpCase activate(Activation kind, String label, float[] x, long... dims) {
        return OpCase.of("activate", kind + " " + label).written("out", dims).mayBe("x").read("x", x, dims)
                .call((k, t) -> k.activation().activate(t[0], t[1], kind))
                .expect(o -> {
                    double[] in = o.get("x");
                    double[] value = in.clone();
                    double[] bound = in.clone();
                    for (int i = 0; i < in.length; i++) {
                        value[i] = ActivationOracle.value(kind, in[i]);
                        bound[i] = FORWARD_ERROR * Math.max(1, Math.abs(in[i])) + 2 * Expected.UNIT * Math.abs(value[i]);
                    }
                    return List.of(new Expected(value, bound));
                });
    }

    private static OpCase activateBackward(Activation kind, String label, float[] x, long... dims) {
        return OpCase.of("activateBackward", kind + " " + label).written("dx", dims).mayBe("dout").read("dout", dims)
                .read("x", x, dims)
                .call((k, t) -> k.activation().activateBackward(t[0], t[1], t[2], kind))
                .expect(o -> {
                    double[] in = o.get("x");
                    double[] dout = o.get("dout");
                    double[] value = in.clone();
                    double[] bound = in.clone();
                    for (int i = 0; i < in.length; i++) {
                        value[i] = dout[i] * ActivationOracle.derivative(kind, in[i]);
                        bound[i] = BACKWARD_ERROR * Math.abs(dout[i]) * Math.max(1, Math.abs(in[i]))
                                + 2 * Expected.UNIT * Math.abs(value[i]);
                    }
                    return List.of(new Expected(value, bound));
                });
    }

    @Override
    final List<GradientCheck> gradients() {
        List<GradientCheck> checks = new ArrayList<>();
        for (Activation kind : Activation.values()) {
            OpCase backward = activateBackward(kind, "gradient", Data.normal(3, 129, 0, 2), 129);
            checks.add(new GradientCheck(kind + " by x", backward, "dx", backward.get("x"), p -> {
                double[] out = p.clone();
                for (int i = 0; i < out.length; i++) {
                    out[i] = ActivationOracle.value(kind, p[i]);
                }
                return out;
            }, backward.get("dout")));
        }
        return checks;
    }
}
