package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks of {@link LossKernels}. */
public abstract class LossCases extends FamilyCases {
    private static final float SCALE = 0.25f;

    LossCases(BackendConformance suite) {
        super(suite);
    }

    @Override
    final Class<?> family() {
        return LossKernels.class;
    }

    @Override
    final List<OpCase> cases() {
        List<OpCase> cases = new ArrayList<>();
        both(cases, "", 5, 8, 6, 1);
        for (int V : Shapes.SIZES) {
            both(cases, "", 5, V, V, 1);
            both(cases, "", 4, (V + 63) / 64 * 64, V, 3);
        }
        for (int N : new int[] {1, 2, 64, 65, 129}) {
            both(cases, "", N, 40, 35, 1);
        }
        both(cases, " large logits", 6, 72, 65, 1e4);
        both(cases, " equal logits", 6, 72, 65, 0);
        both(cases, " tiny logits", 6, 72, 65, 1e-6);
        both(cases, "", 3, 50304, 50257, 2);
        both(cases, "", 130, 2048, 2001, 2);
        return cases;
    }

    private static void both(List<OpCase> cases, String label, int N, int Vp, int V, double size) {
        String sizes = "N %d Vp %d V %d%s".formatted(N, Vp, V, label);
        cases.add(crossEntropy(sizes, Data.normal(V, N * Vp, 0, size), someIgnored(N, V), Vp, V, true));
        cases.add(crossEntropy(sizes + " loss alone", Data.normal(V, N * Vp, 0, size), someIgnored(N, V), Vp, V, false));
        cases.add(drawTargets(sizes, Data.normal(V, N * Vp, 0, size), someIgnored(N, V), Vp, V));
    }

    /** Targets of which every fourth is -1, the third of four; first and last id occur. */
    private static int[] someIgnored(int N, int V) {
        int[] targets = Data.ids(N, N, V);
        targets[0] = V - 1;
        targets[N - 1] = N == 1 ? V - 1 : 0;
        for (int n = 2; n < N; n += 4) {
            targets[n] = -1;
        }
        return targets;
    }

    private static OpCase crossEntropy(String label, float[] logits, int[] targets, int Vp, int V, boolean gradient) {
        int N = targets.length;
        OpCase c = OpCase.of("crossEntropy", label).written("losses", N);
        return (gradient ? c.written("dlogits", N, Vp).mayBe("logits").optional() : c.absent("dlogits"))
                .read("logits", logits, N, Vp).ids("targets", targets, N)
                .call((k, t) -> k.loss().crossEntropy(t[0], t[1], t[2], t[3], V, SCALE))
                .expect(o -> LossOracle.crossEntropy(o.get("logits"), targets, Vp, V, SCALE).subList(0, gradient ? 2 : 1));
    }

    /** Of the gradient of these logits. */
    private static OpCase drawTargets(String label, float[] logits, int[] targets, int Vp, int V) {
        long key = 0x0123456789ABCDEFL;
        long first = 3;
        float[] gradient = Data.toFloats(LossOracle.crossEntropy(Data.toDoubles(logits), targets, Vp, V, SCALE).getLast().value());
        return OpCase.of("drawTargets", label).accumulated("dlogits", gradient, targets.length, Vp).freeAxes(1)
                .ids("targets", targets, targets.length)
                .call((k, t) -> k.loss().drawTargets(t[0], t[1], V, SCALE, key, first))
                .expect(o -> LossOracle.drawTargets(o.get("dlogits"), targets, Vp, V, SCALE, key, first));
    }

    @Test
    void labelsAreDrawnAsOftenAsTheModelExpectsThem() {
        int rows = 10_000;
        double[] expected = {0.5, 0.25, 0, 0.125, 0.125};
        float[] gradient = new float[rows * 6];
        int[] targets = Data.ids(7, rows, 5);
        for (int n = 0; n < rows; n++) {
            for (int j = 0; j < 5; j++) {
                gradient[6 * n + j] = (float) expected[j] - (j == targets[n] ? 1 : 0);
            }
        }
        try (Region room = Region.create("labels", 1 << 20)) {
            Tensor drawn = room.allocate(DType.F32, Shape.of(rows, 6));
            Tensor ids = room.allocate(DType.I32, Shape.of(rows));
            drawn.copyFrom(gradient);
            ids.copyFrom(targets);
            kernels().loss().drawTargets(drawn, ids, 5, 1, 11, 0);
            int[] counts = new int[5];
            for (int i = 0; i < gradient.length; i++) {
                counts[i % 6 % 5] += i % 6 < 5 && drawn.getFlat(i) < expected[i % 6] - 0.5 ? 1 : 0;
            }
            for (int j = 0; j < 5; j++) {
                double deviation = Math.sqrt(rows * expected[j] * (1 - expected[j]));
                assertEquals(rows * expected[j], counts[j], 4 * deviation, "key 11, label " + j);
            }
        }
    }

    @Override
    final List<GradientCheck> gradients() {
        int N = 5;
        int Vp = 16;
        int V = 13;
        int[] targets = someIgnored(N, V);
        OpCase c = crossEntropy("gradient", Data.normal(1, N * Vp), targets, Vp, V, true);
        return List.of(new GradientCheck("scaled sum of losses by logits", c, "dlogits", c.get("logits"),
                p -> LossOracle.crossEntropy(p, targets, Vp, V, SCALE).getFirst().value(),
                Data.toDoubles(Data.constant(SCALE, N))));
    }

    @Test
    void paddedColumnsTakeNoPartWhateverTheyHold() {
        float[] logits = Data.normal(1, 4 * 16);
        for (int i = 0; i < logits.length; i++) {
            logits[i] = i % 16 < 13 ? logits[i] : i % 2 == 0 ? Float.NaN : Float.POSITIVE_INFINITY;
        }
        OpCase c = crossEntropy("poisoned padding", logits, new int[] {0, 12, -1, 5}, 16, 13, true);
        assertNull(compare(c, runner().run(kernels(), c)));
    }

    @Test
    void ignoredRowsAreZeroWhateverTheyHold() {
        float[] logits = Data.normal(1, 3 * 16);
        Arrays.fill(logits, 16, 32, Float.NaN);
        OpCase c = crossEntropy("poisoned ignored row", logits, new int[] {3, -1, 4}, 16, 16, true);
        assertNull(compare(c, runner().run(kernels(), c)));
    }

    @Test
    void allRowsMayBeIgnored() {
        OpCase c = crossEntropy("all ignored", Data.normal(1, 3 * 16), new int[] {-1, -1, -1}, 16, 16, true);
        assertNull(compare(c, runner().run(kernels(), c)));
    }

    @Test
    void minusInfinityRulesAWordOut() {
        float[] logits = Data.normal(1, 2 * 16);
        logits[3] = Float.NEGATIVE_INFINITY;
        logits[16] = Float.NEGATIVE_INFINITY;
        double[] losses = {0, 0};
        for (int n = 0; n < 2; n++) {
            double sum = 0;
            for (int j = 0; j < 16; j++) {
                sum += Math.exp(logits[n * 16 + j]);
            }
            losses[n] = Math.log(sum) - logits[n * 16 + 7];
        }
        Tensor loss = region().allocate(DType.F32, Shape.of(2));
        Tensor gradient = region().allocate(DType.F32, Shape.of(2, 16));
        Tensor in = region().allocate(DType.F32, Shape.of(2, 16));
        Tensor targets = region().allocate(DType.I32, Shape.of(2));
        in.copyFrom(logits);
        targets.copyFrom(new int[] {7, 7});
        kernels().loss().crossEntropy(loss, gradient, in, targets, 16, 1);
        assertEquals(losses[0], loss.get(0), 1e-5);
        assertEquals(losses[1], loss.get(1), 1e-5);
        assertEquals(0, gradient.get(0, 3), "probability of the excluded word");
        assertEquals(0, gradient.get(1, 0), "probability of the excluded word");
    }

    @Test
    void refusesTargetsOutsideTheVocabularyAndSaysWhichAndWhere() {
        Tensor losses = region().allocate(DType.F32, Shape.of(6));
        Tensor logits = region().allocate(DType.F32, Shape.of(6, 12));
        Tensor targets = region().allocate(DType.I32, Shape.of(6));
        logits.copyFrom(Data.normal(1, 72));
        for (int wrong : new int[] {-2, 9, 11, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            targets.copyFrom(new int[] {0, 1, 2, 8, wrong, -1});
            String message = assertThrows(IllegalArgumentException.class,
                    () -> kernels().loss().crossEntropy(losses, null, logits, targets, 9, 1)).getMessage();
            assertTrue(message.contains(Integer.toString(wrong)) && message.contains("4") && message.contains("9"),
                    () -> "row 4, target " + wrong + ", V 9: " + message);
        }
    }

    @Test
    void refusesAVocabularyOutsideTheColumns() {
        Tensor losses = region().allocate(DType.F32, Shape.of(3));
        Tensor logits = region().allocate(DType.F32, Shape.of(3, 4));
        Tensor targets = region().allocate(DType.I32, Shape.of(3));
        targets.copyFrom(new int[3]);
        for (int vocabulary : new int[] {-1, 0, 5}) {
            assertThrows(ShapeException.class, () -> kernels().loss().crossEntropy(losses, null, logits, targets, vocabulary, 1));
        }
    }
}
