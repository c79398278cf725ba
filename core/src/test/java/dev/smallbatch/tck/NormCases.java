package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.NormKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks of {@link NormKernels}. */
public abstract class NormCases extends FamilyCases {
    private static final float EPS = 1e-5f;

    NormCases(BackendConformance suite) {
        super(suite);
    }

    @Override
    final Class<?> family() {
        return NormKernels.class;
    }

    @Override
    final List<OpCase> cases() {
        List<OpCase> cases = new ArrayList<>();
        int[][] shapes = {{5, 6}, {400, 768}, {1, 2048}};
        for (int[] s : shapes) {
            rows(cases, "N %d C %d".formatted(s[0], s[1]), Data.normal(s[1], s[0] * s[1]), s[0], s[1]);
        }
        for (int size : Shapes.SIZES) {
            rows(cases, "N 5 C " + size, Data.normal(size, 5 * size, 0.5, 2), 5, size);
            rows(cases, "N " + size + " C 19", Data.normal(size, 19 * size), size, 19);
        }
        for (int C : new int[] {1, 19, 64}) {
            rows(cases, "equal rows C " + C, Data.constant(3, 4 * C), 4, C);
            rows(cases, "zero rows C " + C, Data.constant(0, 4 * C), 4, C);
        }
        rows(cases, "far from zero", Data.normal(1, 3 * 65, 100, 1), 3, 65);
        rows(cases, "large", Data.normal(2, 3 * 65, 0, 1e6), 3, 65);
        rows(cases, "small", Data.normal(3, 3 * 65, 0, 1e-6), 3, 65);
        for (AttentionSpec spec : Shapes.attentions()) {
            cases.add(qkNorm(spec));
            cases.add(qkNormBackward(spec));
        }
        return cases;
    }

    private static void rows(List<OpCase> cases, String label, float[] x, int N, int C) {
        cases.add(layerNorm(label, x, N, C));
        cases.add(layerNormBackward(label, x, N, C));
        cases.add(rmsNorm(label + " weighted", x, N, C, true));
        cases.add(rmsNorm(label, x, N, C, false));
        cases.add(rmsNormBackward(label + " weighted", x, N, C, true));
        cases.add(rmsNormBackward(label, x, N, C, false));
    }

    private static OpCase layerNorm(String label, float[] x, int N, int C) {
        return OpCase.of("layerNorm", label).written("out", N, C).written("mean", N).written("rstd", N)
                .read("x", x, N, C).read("weight", C).read("bias", C)
                .call((k, t) -> k.norm().layerNorm(t[0], t[1], t[2], t[3], t[4], t[5], EPS))
                .expect(o -> NormOracle.expectedLayerNorm(o.get("x"), o.get("weight"), o.get("bias"), C, EPS));
    }

    private static OpCase layerNormBackward(String label, float[] x, int N, int C) {
        double[] wide = Data.toDoubles(x);
        double[] mean = NormOracle.means(wide, C);
        double[] rstd = NormOracle.rstds(wide, mean, C, EPS);
        return OpCase.of("layerNormBackward", label).accumulated("dx", N, C).accumulated("dweight", C).accumulated("dbias", C)
                .read("dout", N, C).read("x", x, N, C).read("weight", C)
                .read("mean", Data.toFloats(mean), N).read("rstd", Data.toFloats(rstd), N)
                .call((k, t) -> k.norm().layerNormBackward(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]))
                .expect(o -> List.of(
                        NormOracle.dx(o.get("dx"), o.get("dout"), o.get("x"), o.get("weight"), o.get("mean"),
                                o.get("rstd"), C, true),
                        NormOracle.dweight(o.get("dweight"), o.get("dout"), o.get("x"), o.get("mean"), o.get("rstd"), C),
                        MatmulOracle.columnSums(o.get("dbias"), o.get("dout"), N, C)));
    }

    private static OpCase rmsNorm(String label, float[] x, int N, int C, boolean weighted) {
        OpCase c = OpCase.of("rmsNorm", label).written("out", N, C).written("rstd", N).read("x", x, N, C);
        return (weighted ? c.read("weight", C).optional() : c.absent("weight"))
                .call((k, t) -> k.norm().rmsNorm(t[0], t[1], t[2], t[3], EPS))
                .expect(o -> NormOracle.expectedRmsNorm(o.get("x"), o.get("weight"), C, EPS));
    }

    private static OpCase rmsNormBackward(String label, float[] x, int N, int C, boolean weighted) {
        double[] wide = Data.toDoubles(x);
        double[] rstd = NormOracle.rstds(wide, new double[N], C, EPS);
        OpCase c = OpCase.of("rmsNormBackward", label).accumulated("dx", N, C);
        c = weighted ? c.accumulated("dweight", C) : c.absent("dweight");
        c.read("dout", N, C).read("x", x, N, C);
        c = weighted ? c.read("weight", C) : c.absent("weight");
        return c.read("rstd", Data.toFloats(rstd), N)
                .call((k, t) -> k.norm().rmsNormBackward(t[0], t[1], t[2], t[3], t[4], t[5]))
                .expect(o -> {
                    double[] zero = new double[N];
                    Expected dx = NormOracle.dx(o.get("dx"), o.get("dout"), o.get("x"), o.get("weight"), zero,
                            o.get("rstd"), C, false);
                    return weighted
                            ? List.of(dx, NormOracle.dweight(o.get("dweight"), o.get("dout"), o.get("x"), zero, o.get("rstd"), C))
                            : List.of(dx);
                });
    }

    private static OpCase qkNorm(AttentionSpec s) {
        return OpCase.of("qkNorm", s.toString()).written("out", s.batch(), s.time(), s.qkvCols()).mayBe("x")
                .written("rstd", s.batch(), s.time(), s.heads() + s.kvHeads()).read("x", s.batch(), s.time(), s.qkvCols())
                .call((k, t) -> k.norm().qkNorm(t[0], t[1], t[2], s, EPS))
                .expect(o -> NormOracle.expectedQkNorm(o.get("x"), s, EPS));
    }

    private static OpCase qkNormBackward(AttentionSpec s) {
        double[] x = qkNormInput(s);
        double[] rstd = NormOracle.qkRstd(x, s, EPS);
        float[] h = Data.toFloats(NormOracle.qkNorm(x, s, EPS));
        return OpCase.of("qkNormBackward", s.toString()).written("dx", s.batch(), s.time(), s.qkvCols()).mayBe("dout")
                .read("dout", s.batch(), s.time(), s.qkvCols()).read("h", h, s.batch(), s.time(), s.qkvCols())
                .read("rstd", Data.toFloats(rstd), s.batch(), s.time(), s.heads() + s.kvHeads())
                .call((k, t) -> k.norm().qkNormBackward(t[0], t[1], t[2], t[3], s))
                .expect(o -> List.of(NormOracle.qkNormBackward(o.get("dout"), o.get("h"), o.get("rstd"), s)));
    }

    private static double[] qkNormInput(AttentionSpec s) {
        return Data.toDoubles(Data.normal(s.hashCode(), s.qkvShape().numel()));
    }

    @Override
    final List<GradientCheck> gradients() {
        int N = 4;
        int C = 19;
        float[] x = Data.normal(5, N * C, 0.5, 2);
        List<GradientCheck> checks = new ArrayList<>();
        OpCase layer = layerNormBackward("gradient", x, N, C);
        double[] wide = layer.get("x");
        double[] w = layer.get("weight");
        double[] b = Data.toDoubles(Data.normal(6, C));
        checks.add(new GradientCheck("layerNorm by x", layer, "dx", wide, p -> NormOracle.layerNorm(p, w, b, C, EPS),
                layer.get("dout")));
        checks.add(new GradientCheck("layerNorm by weight", layer, "dweight", w, p -> NormOracle.layerNorm(wide, p, b, C, EPS),
                layer.get("dout")));
        checks.add(new GradientCheck("layerNorm by bias", layer, "dbias", b, p -> NormOracle.layerNorm(wide, w, p, C, EPS),
                layer.get("dout")));
        OpCase weighted = rmsNormBackward("gradient weighted", x, N, C, true);
        double[] v = weighted.get("weight");
        checks.add(new GradientCheck("rmsNorm by x", weighted, "dx", wide, p -> NormOracle.rmsNorm(p, v, C, EPS),
                weighted.get("dout")));
        checks.add(new GradientCheck("rmsNorm by weight", weighted, "dweight", v, p -> NormOracle.rmsNorm(wide, p, C, EPS),
                weighted.get("dout")));
        OpCase plain = rmsNormBackward("gradient", x, N, C, false);
        checks.add(new GradientCheck("rmsNorm without weight by x", plain, "dx", wide, p -> NormOracle.rmsNorm(p, null, C, EPS),
                plain.get("dout")));
        AttentionSpec spec = new AttentionSpec(2, 5, 4, 2, 6);
        OpCase qk = qkNormBackward(spec);
        checks.add(new GradientCheck("qkNorm by x", qk, "dx", qkNormInput(spec), p -> NormOracle.qkNorm(p, spec, EPS),
                qk.get("dout")));
        return checks;
    }

    @Test
    void rmsNormBackwardTakesWeightAndItsGradientTogether() {
        Tensor x = region().allocate(DType.F32, Shape.of(3, 4));
        Tensor dx = region().allocate(DType.F32, Shape.of(3, 4));
        Tensor rstd = region().allocate(DType.F32, Shape.of(3));
        Tensor weight = region().allocate(DType.F32, Shape.of(4));
        assertThrows(ShapeException.class, () -> kernels().norm().rmsNormBackward(dx, null, x, x, weight, rstd));
        assertThrows(ShapeException.class, () -> kernels().norm().rmsNormBackward(dx, weight, x, x, null, rstd));
    }
}
