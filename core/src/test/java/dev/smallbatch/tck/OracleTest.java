package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.DType;
import java.util.Arrays;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The oracle against published values and, its backward formulas, against differences of its forward ones. */
class OracleTest {
    private static final double STEP = 1e-6;

    /** The three vectors published with the generator. */
    @Test
    void philoxGivesThePublishedVectors() {
        assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, ElementwiseOracle.philox(new int[4], 0, 0));
        assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                ElementwiseOracle.philox(new int[] {-1, -1, -1, -1}, -1, -1));
        assertArrayEquals(new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
                ElementwiseOracle.philox(new int[] {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0));
    }

    @Test
    void errorFunctionGivesTabulatedValues() {
        assertEquals(0.479500122186953, ActivationOracle.erfc(0.5), 1e-15);
        assertEquals(0.157299207050285, ActivationOracle.erfc(1), 1e-15);
        assertEquals(4.67773498104727e-3, ActivationOracle.erfc(2), 1e-15);
        assertEquals(2.20904969985854e-5, ActivationOracle.erfc(3), 1e-19);
        assertEquals(1.53745979442803e-12, ActivationOracle.erfc(5), 1e-26);
        assertEquals(1.84270079294971, ActivationOracle.erfc(-1), 1e-14);
    }

    @Test
    void bothBranchesOfTheErrorFunctionMeet() {
        assertEquals(ActivationOracle.erfc(Math.nextDown(2.5)), ActivationOracle.erfc(2.5), 1e-15);
    }

    @Test
    void halfPrecisionDecodesAsTheLanguageDoes() {
        for (int bits = 0; bits < 65536; bits++) {
            assertEquals(Float.float16ToFloat((short) bits), (float) Bits.toDouble(DType.F16, bits));
        }
    }

    @Test
    void derivativesOfActivationsMatchDifferences() {
        for (Activation kind : Activation.values()) {
            for (double x = -6.05; x < 6.1; x += 0.1) {
                double rise = ActivationOracle.value(kind, x + STEP) - ActivationOracle.value(kind, x - STEP);
                assertEquals(rise / (2 * STEP), ActivationOracle.derivative(kind, x), 1e-8, kind + " at " + x);
            }
        }
    }

    @Test
    void normBackwardMatchesDifferences() {
        int C = 7;
        double[] x = numbers(1, 3 * C);
        double[] w = numbers(2, C);
        double[] dout = numbers(3, 3 * C);
        double[] mean = NormOracle.means(x, C);
        double[] zero = new double[3];
        double[] layer = NormOracle.dx(new double[3 * C], dout, x, w, mean, NormOracle.rstds(x, mean, C, 1e-5), C, true).value();
        double[] rms = NormOracle.dx(new double[3 * C], dout, x, w, zero, NormOracle.rstds(x, zero, C, 1e-5), C, false).value();
        assertGradient(layer, x, dout, p -> NormOracle.layerNorm(p, w, new double[C], C, 1e-5));
        assertGradient(rms, x, dout, p -> NormOracle.rmsNorm(p, w, C, 1e-5));
    }

    @Test
    void qkNormBackwardMatchesDifferences() {
        AttentionSpec spec = new AttentionSpec(2, 3, 2, 1, 4);
        double[] x = numbers(1, (int) spec.qkvShape().numel());
        double[] dout = numbers(2, x.length);
        double[] dx = NormOracle.qkNormBackward(dout, NormOracle.qkNorm(x, spec, 1e-5),
                NormOracle.qkRstd(x, spec, 1e-5), spec).value();
        assertGradient(dx, x, dout, p -> NormOracle.qkNorm(p, spec, 1e-5));
    }

    @Test
    void attentionBackwardMatchesDifferences() {
        AttentionSpec spec = new AttentionSpec(2, 5, 4, 2, 6);
        AttentionOracle oracle = new AttentionOracle(spec);
        double[] qkv = numbers(1, (int) spec.qkvShape().numel());
        double[] out = oracle.attention(qkv).getFirst().value();
        double[] lse = oracle.attention(qkv).getLast().value();
        double[] dout = numbers(2, out.length);
        assertGradient(oracle.backward(dout, out, lse, qkv).value(), qkv, dout, p -> oracle.attention(p).getFirst().value());
    }

    @Test
    void inverseRotationIsTheGradientAndUndoesTheRotation() {
        AttentionSpec spec = new AttentionSpec(1, 4, 2, 1, 6);
        AttentionOracle oracle = new AttentionOracle(spec);
        double[] cos = new double[12];
        double[] sin = new double[12];
        Arrays.setAll(cos, i -> Math.cos(0.3 * i));
        Arrays.setAll(sin, i -> Math.sin(0.3 * i));
        double[] x = numbers(1, (int) spec.qkvShape().numel());
        double[] dout = numbers(2, x.length);
        assertGradient(oracle.rope(dout, cos, sin, true).value(), x, dout, p -> oracle.rope(p, cos, sin, false).value());
        assertArrayEquals(x, oracle.rope(oracle.rope(x, cos, sin, false).value(), cos, sin, true).value(), 1e-14);
    }

    @Test
    void crossEntropyGradientMatchesDifferences() {
        int[] targets = {2, -1, 0};
        double[] logits = numbers(1, 3 * 6);
        double[] gradient = LossOracle.crossEntropy(logits, targets, 6, 5, 0.5).getLast().value();
        assertGradient(gradient, logits, new double[] {0.5, 0.5, 0.5},
                p -> LossOracle.crossEntropy(p, targets, 6, 5, 0.5).getFirst().value());
    }

    @Test
    void decodingEqualsTheLastRowOfAttention() {
        AttentionSpec spec = new AttentionSpec(1, 5, 4, 2, 6);
        double[] qkv = numbers(1, (int) spec.qkvShape().numel());
        double[] whole = new AttentionOracle(spec).attention(qkv).getFirst().value();
        double[] keys = columns(qkv, spec, spec.keyCol());
        double[] values = columns(qkv, spec, spec.valueCol());
        double[] last = Arrays.copyOfRange(qkv, 4 * spec.qkvCols(), 5 * spec.qkvCols());
        double[] out = new AttentionOracle(new AttentionSpec(1, 1, 4, 2, 6)).decode(last, keys, values, 5, 5).value();
        assertArrayEquals(Arrays.copyOfRange(whole, 4 * spec.outCols(), 5 * spec.outCols()), out, 1e-15);
    }

    private static double[] columns(double[] qkv, AttentionSpec spec, int from) {
        double[] part = new double[spec.time() * spec.kvHeads() * spec.headSize()];
        int width = spec.kvHeads() * spec.headSize();
        for (int t = 0; t < spec.time(); t++) {
            System.arraycopy(qkv, t * spec.qkvCols() + from, part, t * width, width);
        }
        return part;
    }

    @Test
    void gradientsOfTheModelMatchDifferences() {
        TinyGptOracle oracle = new TinyGptOracle();
        oracle.loss(0);
        Map<String, double[]> gradients = Map.copyOf(oracle.gradients());
        gradients.forEach((name, gradient) -> {
            double[] parameter = oracle.parameters().get(name);
            double[] before = parameter.clone();
            double[] direction = Data.direction(name.hashCode(), parameter.length);
            ToDoubleFunction<Double> along = step -> {
                Arrays.setAll(parameter, i -> before[i] + step * direction[i]);
                return oracle.loss(0);
            };
            double difference = (along.applyAsDouble(STEP) - along.applyAsDouble(-STEP)) / (2 * STEP);
            System.arraycopy(before, 0, parameter, 0, before.length);
            assertEquals(difference, dot(gradient, direction), 1e-6, name);
        });
    }

    @Test
    void paddedRowsOfTheHeadHaveNoGradient() {
        TinyGptOracle oracle = new TinyGptOracle();
        oracle.loss(0);
        double[] head = oracle.gradients().get("head");
        assertTrue(Arrays.stream(head, TinyGptOracle.V * TinyGptOracle.D, head.length).allMatch(g -> g == 0));
    }

    private static double[] numbers(long seed, int count) {
        return Data.toDoubles(Data.normal(seed, count));
    }

    private static void assertGradient(double[] gradient, double[] point, double[] dout, UnaryOperator<double[]> forward) {
        for (int i = 0; i < point.length; i++) {
            double[] up = point.clone();
            double[] down = point.clone();
            up[i] += STEP;
            down[i] -= STEP;
            double difference = (dot(forward.apply(up), dout) - dot(forward.apply(down), dout)) / (2 * STEP);
            assertEquals(difference, gradient[i], 1e-7, "element " + i);
        }
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
